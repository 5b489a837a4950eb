/* The little of Opus that a recorder must know (RFC 6716 §3.1): how long a packet is. */
#pragma once
#include <glib.h>

/** Samples at 48 kHz in one Opus packet, 0 when it is none (RFC 6716 §3.2: at most 120 ms). */
guint opus_packet_samples(const guint8 *packet, gsize length);

/* 20 ms of silence, mono (RFC 6716: CELT, full band); decoders accept it in a stereo stream. */
extern const guint8 opus_silence[3];
#define OPUS_SILENCE_SAMPLES 960
