/* Where an instance's file is and what it holds, for a caller who may see it. Reading a series frame by frame
 * would ask the database the same thing hundreds of times: the second frame of a series within LOCATE_SECONDS
 * fetches the whole series' places, which are then used for LOCATE_SECONDS by this person acting for this
 * organisation. So an access that ended is noticed within that time, as an ended session is. */
#pragma once
#include "hub/dicomweb/path.h"

#define LOCATE_SECONDS 4
#define LOCATE_SERIES_LIMIT 512     /* series remembered */
#define LOCATE_INSTANCES_LIMIT 5000 /* of one series; a longer one is asked for instance by instance */

typedef struct {
    char *hash, *transfer_syntax;
    guint frames;
    GBytes *table; /* dicom/scan/frame_table.h; NULL: no pixel data */
    guint64 size;
} located;

/** Finds the instance named by the request's path, writes the audit row of reading its study, and calls done;
 * found is borrowed. Replies 404 by itself. May call done before it returns. */
void locate_instance(http_request *r, const dicom_path *p,
                     void (*done)(http_request *r, const located *found));
