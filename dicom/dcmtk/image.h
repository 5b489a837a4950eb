/* Decoding and windowing of one frame by DCMTK, behind a C interface. Runs in the sandbox. */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct dcm_frame dcm_frame;

typedef struct {
    const guint8 *dataset; /* the attributes, encoded in transfer_syntax, without the pixel data */
    gsize dataset_length;
    const char *transfer_syntax; /* of the attributes; of the pixels too unless decoded */
    guint32 index; /* of the frame in its image: for attributes that each frame has for itself */
    const guint8 *pixels;
    gsize pixels_length;
    gboolean native;         /* pixels are samples, little endian, by pixel */
    gboolean by_pixel;       /* … whatever the attributes say */
    const char *photometric; /* of native pixels when it is not what the attributes say; NULL: as they say */
    guint bytes_per_sample;  /* of native pixels */
} dcm_frame_input;

typedef struct {
    gboolean has_window;
    double center, width;
    gboolean sigmoid;
    guint rows, columns; /* largest size; 0: as it is. Never enlarged, proportions kept */
} dcm_view;

typedef struct {
    guint width, height, components; /* 1 grey, 3 RGB interleaved */
    guint8 *pixels;                  /* g_free */
} dcm_picture;

/** Registers the codecs and loads the dictionary. Once, before the sandbox closes. */
void dcm_image_init(void);

/** NULL with ERR_UNPROCESSABLE. input's bytes are copied. */
dcm_frame *dcm_frame_new(const dcm_frame_input *input, GError **error);
void dcm_frame_free(dcm_frame *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dcm_frame, dcm_frame_free)

/** The frame as people see it: modality LUT, the view's window, else the image's first VOI LUT or window,
 * else the range of its values; colours as RGB. */
gboolean dcm_frame_render(dcm_frame *f, const dcm_view *view, dcm_picture *ret, GError **error);
/** The frame's samples as Explicit VR Little Endian pixel data. Caller unrefs. */
GByteArray *dcm_frame_decode(dcm_frame *f, GError **error);
/** Are the samples that dcm_frame_decode gave ordered component by component? */
gboolean dcm_frame_is_planar(dcm_frame *f);

G_END_DECLS
