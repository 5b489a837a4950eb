/* One medium of a device on its way into the relay: a chain of elements from a pad of rtspsrc to an appsink. */
#pragma once
#include "media/relay/source.h"
#include <gst/gst.h>

typedef struct branch branch;

/** caps: application/x-rtp of the pad. NULL when the medium is neither picture nor sound. Any thread. */
branch *branch_new(const GstCaps *caps);
void branch_free(branch *b);

/** Is this what the branch was made for (same medium and codec)? For a device that came back. */
gboolean branch_matches(const branch *b, const GstCaps *caps);
/** What to tell the relay. Strings are the branch's. */
const source_description *branch_description(const branch *b);
/** Packets go to s from now on; NULL: nowhere. Any thread. */
void branch_set_source(branch *b, source *s);
source *branch_source(const branch *b);
/** Builds the chain in pipeline and links pad to it. Streaming thread. The chain is pipeline's and goes with it;
 * numbering goes on from the last packet. */
gboolean branch_attach(branch *b, GstElement *pipeline, GstPad *pad, GError **error);
/** Before the pipeline goes: the chain is forgotten. */
void branch_detach(branch *b);
/** Asks our own encoder for a keyframe; a device that is passed through cannot be asked. Any thread. */
void branch_want_keyframe(branch *b);
/** clock_monotonic_us of the last packet; 0: none yet. Any thread. */
gint64 branch_last_packet_us(const branch *b);
