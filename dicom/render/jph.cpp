/* OpenJPH behind a C function; like DCMTK it is C++ and reports errors by throwing. */
#include <glib.h>
extern "C" {
#include "hub/base/err.h"
}
#include "dicom/render/lossless.h"
#include <exception>
#include <openjph/ojph_arch.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_params.h>

#define LEVELS 5u

namespace
{

void
describe(ojph::codestream &stream, const lossless_image *image)
{
    ojph::param_siz size = stream.access_siz();
    size.set_image_extent(ojph::point(image->columns, image->rows));
    size.set_num_components(image->samples);
    for (guint32 c = 0; c < image->samples; c++)
        size.set_component(c, ojph::point(1, 1), image->bits, image->is_signed);
    ojph::param_cod coding = stream.access_cod();
    guint32 levels = 0;
    while (levels < LEVELS && MIN(image->rows, image->columns) >> (levels + 1) > 0)
        levels++;
    coding.set_num_decomposition(levels);
    coding.set_block_dims(64, 64);
    coding.set_progression_order("RPCL");
    coding.set_color_transform(false); /* the attributes that the client has say RGB */
    coding.set_reversible(true);
    stream.set_planar(false);
}

/* One component's samples of a row. */
void
fill_line(ojph::line_buf *line, const lossless_image *image, gsize row, guint32 component)
{
    const guint8 *from = image->pixels + (row * image->columns * image->samples + component) * image->bytes;
    gsize step = (gsize)image->samples * image->bytes;
    for (guint32 x = 0; x < image->columns; x++, from += step) {
        guint32 value = image->bytes == 1 ? from[0] : (guint32)(from[0] | from[1] << 8);
        line->i32[x] = !image->is_signed     ? (gint32)value
                       : image->bytes == 1 ? (gint32)(gint8)value
                                             : (gint32)(gint16)value;
    }
}

void
encode(ojph::mem_outfile &out, const lossless_image *image)
{
    ojph::codestream stream;
    describe(stream, image);
    stream.write_headers(&out);
    ojph::ui32 component = 0;
    ojph::line_buf *line = stream.exchange(NULL, component);
    for (gsize n = 0; line && n < (gsize)image->rows * image->samples; n++) {
        fill_line(line, image, n / image->samples, component);
        line = stream.exchange(line, component);
    }
    stream.flush();
}

} // namespace

GByteArray *
lossless_jph(const lossless_image *image, GError **error)
{
    try {
        ojph::mem_outfile out;
        out.open((size_t)image->rows * image->columns * image->samples * image->bytes / 2 + 4096);
        encode(out, image);
        GByteArray *bytes = g_byte_array_new();
        g_byte_array_append(bytes, out.get_data(), (guint)out.tell());
        return bytes;
    } catch (const std::exception &e) {
        err_set(error, ERR_UNPROCESSABLE, "the frame cannot be written as HTJ2K: %s", e.what());
    } catch (...) {
        err_set(error, ERR_UNPROCESSABLE, "the frame cannot be written as HTJ2K");
    }
    return NULL;
}
