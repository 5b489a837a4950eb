/* One file from at most one picture and one sound, by GStreamer, without transcoding. */
#pragma once
#include "media/record/lane.h"

typedef struct {
    const char *codec; /* as in rtpmap */
    const char *extension;
    const char *video_mime, *audio_mime;
    const char *depay; /* elements from RTP to the muxer's input */
    const char *muxer;
} mux_format;

/** How a codec is put into a file; NULL when it cannot. Sound alone: by its own codec. */
const mux_format *mux_format_for(const char *codec);

/** Writes path from the started lanes (one of them may be NULL). Blocking. ERR_STORAGE when the disk is full. */
gboolean mux_file(const mux_format *format, lane *video, lane *audio, const char *path, GError **error);
