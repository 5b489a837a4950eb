/* libjpeg and libpng report errors by a long jump; the states that outlive it are not kept in registers. */
#include "dicom/render/encode.h"
#include "hub/base/err.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>
#include <png.h>

#define PNG_LEVEL 2 /* half the time of the default for a few per cent of size */

typedef struct {
    struct jpeg_error_mgr manager; /* first: libjpeg knows this part */
    jmp_buf out;
} jpeg_errors;

static void
on_jpeg_error(j_common_ptr info)
{
    longjmp(((jpeg_errors *)info->err)->out, 1);
}

static void
on_jpeg_message(j_common_ptr info)
{
    (void)info;
}

GByteArray *
encode_jpeg(const guint8 *pixels, guint width, guint height, guint components, guint quality, GError **error)
{
    struct jpeg_compress_struct c = {0};
    jpeg_errors errors;
    unsigned char *volatile bytes = NULL;
    unsigned long length = 0;
    c.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = on_jpeg_error;
    errors.manager.output_message = on_jpeg_message;
    if (setjmp(errors.out)) {
        jpeg_destroy_compress(&c);
        free(bytes);
        err_set(error, ERR_INTERNAL, "the picture cannot be written as JPEG");
        return NULL;
    }
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, (unsigned char **)&bytes, &length);
    c.image_width = width;
    c.image_height = height;
    c.input_components = (int)components;
    c.in_color_space = components == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, (int)quality, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < height) {
        JSAMPROW row = (JSAMPROW)(pixels + (gsize)c.next_scanline * width * components);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    GByteArray *out = g_byte_array_sized_new((guint)length);
    g_byte_array_append(out, bytes, (guint)length);
    free(bytes);
    return out;
}

static void
on_png_bytes(png_structp png, png_bytep bytes, png_size_t length)
{
    g_byte_array_append(png_get_io_ptr(png), bytes, (guint)length);
}

static void
on_png_flush(png_structp png)
{
    (void)png;
}

GByteArray *
encode_png(const guint8 *pixels, guint width, guint height, guint components, GError **error)
{
    GByteArray *volatile out = g_byte_array_new();
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        g_byte_array_unref(out);
        err_set(error, ERR_INTERNAL, "the picture cannot be written as PNG");
        return NULL;
    }
    png_set_write_fn(png, out, on_png_bytes, on_png_flush);
    png_set_compression_level(png, PNG_LEVEL);
    png_set_IHDR(png, info, width, height, 8, components == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (guint row = 0; row < height; row++)
        png_write_row(png, (png_const_bytep)(pixels + (gsize)row * width * components));
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return out;
}
