/* Places at which the kill tests stop the program dead. CONSILIUM_FAILPOINT=NAME:N makes the Nth passing of
 * the named place a SIGKILL of this process; unset, the default, it costs one comparison. Places: received,
 * scanned, named, synced, durable, committed. */
#pragma once

void failpoint(const char *name);
