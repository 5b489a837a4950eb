/* The program-wide services of consilium-hub, made by main.c and borrowed by everybody else.
 * Handlers reach it by http_hub(request). Members that a part adds are opaque pointers, forward-declared
 * here. */
#pragma once
#include "hub/base/config.h"
#include "hub/base/loop.h"
#include "hub/store/blob.h"
#include "hub/store/db.h"

struct http_server;
struct auth;
struct health;
struct metrics;
struct supervise;
struct signaling; /* rooms, peers and worker connections (signaling/) */

struct hub {
    config *config;
    loop *loop;
    db_pool *db;
    blob_store *blobs; /* read only here; written by the dicom program */
    struct metrics *metrics;
    struct health *health;
    struct auth *auth;
    struct http_server *http;
    struct supervise *workers;
    struct signaling *signaling;
};
