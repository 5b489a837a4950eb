#include "dicom/render/sandbox.h"
#include "dicom/child/child.h"
#include "dicom/dcmtk/convert.h"
#include "dicom/dcmtk/image.h"
#include "dicom/render/encode.h"
#include "dicom/render/frame_source.h"
#include "dicom/render/j2k.h"
#include "dicom/render/lossless.h"
#include "dicom/scan/scan.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <errno.h>
#include <malloc.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A frame is half a dozen blocks of its size. Given back to the system after each, they cost more in page
 * faults than the drawing; so some are kept. */
#define BLOCK_LIMIT (16 * 1024 * 1024)
#define KEPT_LIMIT (16 * 1024 * 1024)
#define DEFAULT_QUALITY 90
#define DESCRIPTORS_LIMIT 16

static gboolean
set_limit(int resource, guint64 value)
{
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &limit) == 0;
}

/* What a decoder needs. Opening a file fails politely (DCMTK asks for files that it can do without); anything
 * else ends the process. */
static gboolean
close_sandbox(void)
{
    static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(pread64),
        SCMP_SYS(write),
        SCMP_SYS(pwrite64),
        SCMP_SYS(writev),
        SCMP_SYS(lseek),
        SCMP_SYS(close),
        SCMP_SYS(fstat),
        SCMP_SYS(ftruncate),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(mprotect),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(getrandom),
        SCMP_SYS(sysinfo),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(sigaltstack),
    };
    static const int refused[] = {SCMP_SYS(open),     SCMP_SYS(openat), SCMP_SYS(stat),  SCMP_SYS(access),
                                  SCMP_SYS(readlink), SCMP_SYS(socket), SCMP_SYS(clone3)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    gboolean good = filter != NULL;
    for (gsize i = 0; good && i < G_N_ELEMENTS(allowed); i++)
        good = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
    for (gsize i = 0; good && i < G_N_ELEMENTS(refused); i++)
        good = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0) == 0;
    /* glibc's fstat is newfstatat with an empty path; with a path it would look at files, which tells nothing
     * worth having */
    good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 0) == 0;
    good = good && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return good;
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED TRUE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED TRUE
#endif
#endif
#ifndef SANITIZED
#define SANITIZED FALSE
#endif

/* AddressSanitizer reserves terabytes and makes system calls of its own: there the sandbox stays open. */
static gboolean
give_up_everything(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    gboolean good = set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_FSIZE, SANDBOX_FILE_LIMIT) &&
                    set_limit(RLIMIT_NOFILE, DESCRIPTORS_LIMIT) &&
                    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!good || SANITIZED)
        return good;
    return set_limit(RLIMIT_AS, SANDBOX_MEMORY_LIMIT) && close_sandbox();
}

/* Samples of a JPEG 2000 frame, as the rest wants them. */
static gboolean
decode_j2k(frame_source *s, dcm_frame_input *in, GError **error)
{
    g_auto(j2k_image) image = {0};
    if (!j2k_decode(s->frame->data, s->frame->len, s->rows, s->columns, &image, error))
        return FALSE;
    if (image.components != s->samples || image.bytes != s->bits_allocated / 8)
        return err_set(error, ERR_UNPROCESSABLE,
                       "the JPEG 2000 code stream has other samples than the image says");
    g_byte_array_unref(s->frame);
    s->frame = g_steal_pointer(&image.samples);
    in->native = TRUE;
    in->by_pixel = image.components > 1;
    in->bytes_per_sample = image.bytes;
    in->photometric = image.colour_transformed ? "RGB" : NULL;
    return TRUE;
}

static dcm_frame *
open_frame(frame_source *s, guint32 index, GError **error)
{
    dcm_frame_input in = {.dataset = s->dataset,
                          .dataset_length = s->dataset_length,
                          /* inflated attributes are plain explicit ones */
                          .transfer_syntax =
                              s->transfer_syntax->deflated ? "1.2.840.10008.1.2.1" : s->transfer_syntax->uid,
                          .index = index,
                          .native = s->transfer_syntax->encapsulation == SYNTAX_NATIVE,
                          .bytes_per_sample = s->bits_allocated <= 8 ? 1 : 2};
    if (s->transfer_syntax->encapsulation == SYNTAX_J2K && !decode_j2k(s, &in, error))
        return NULL;
    if (in.native && in.bytes_per_sample > 2)
        in.bytes_per_sample = 2;
    in.pixels = s->frame->data;
    in.pixels_length = s->frame->len;
    return dcm_frame_new(&in, error);
}

static GByteArray *
draw(dcm_frame *frame, json_t *request, GError **error)
{
    const dcm_view view = {.has_window = json_is_number(json_object_get(request, "width")),
                           .center = json_number_value(json_object_get(request, "center")),
                           .width = json_number_value(json_object_get(request, "width")),
                           .sigmoid = json_get_bool(request, "sigmoid", FALSE),
                           .rows = (guint)CLAMP(json_get_int(request, "rows", 0), 0, G_MAXUINT16),
                           .columns = (guint)CLAMP(json_get_int(request, "columns", 0), 0, G_MAXUINT16)};
    gint64 quality = json_get_int(request, "quality", 0);
    dcm_picture p = {0};
    if (!dcm_frame_render(frame, &view, &p, error))
        return NULL;
    GByteArray *out =
        !g_strcmp0(json_get_text(request, "format"), "png")
            ? encode_png(p.pixels, p.width, p.height, p.components, error)
            : encode_jpeg(p.pixels, p.width, p.height, p.components,
                          (guint)(quality > 0 && quality <= 100 ? quality : DEFAULT_QUALITY), error);
    g_free(p.pixels);
    return out;
}

static GByteArray *
decode(frame_source *s, dcm_frame *frame, GError **error)
{
    GByteArray *out = dcm_frame_decode(frame, error);
    guint64 size = (guint64)s->rows * s->columns * s->samples * s->bits_allocated / 8;
    if (out && s->bits_allocated >= 8 && s->transfer_syntax->encapsulation != SYNTAX_NATIVE &&
        out->len > size)
        g_byte_array_set_size(out, (guint)size); /* padding to an even length is no part of a frame */
    return out;
}

/* Component by component to pixel by pixel. */
static GByteArray *
interleave(const guint8 *planes, gsize pixels, guint samples, guint bytes)
{
    GByteArray *out = g_byte_array_sized_new((guint)(pixels * samples * bytes));
    for (gsize i = 0; i < pixels; i++)
        for (guint c = 0; c < samples; c++)
            g_byte_array_append(out, planes + (c * pixels + i) * bytes, bytes);
    return out;
}

/* The samples without loss as JPEG-LS or HTJ2K. */
static GByteArray *
compress(const frame_source *s, GByteArray *samples, gboolean planar, gboolean jls, GError **error)
{
    gsize pixels = (gsize)s->rows * s->columns;
    lossless_image image = {.rows = s->rows,
                            .columns = s->columns,
                            .samples = s->samples,
                            .bytes = s->bits_allocated / 8,
                            .is_signed = s->is_signed};
    gboolean good = (s->bits_allocated == 8 || s->bits_allocated == 16) && (s->samples == 1 || s->samples == 3) &&
                    samples->len >= pixels * s->samples * image.bytes;
    if (!good) {
        err_set(error, ERR_NOT_ACCEPTABLE, "frames of %u samples of %u bits are not compressed", s->samples,
                s->bits_allocated);
        return NULL;
    }
    g_autoptr(GByteArray) sorted =
        planar && s->samples > 1 ? interleave(samples->data, pixels, s->samples, image.bytes) : NULL;
    image.pixels = sorted ? sorted->data : samples->data;
    image.bits = lossless_bits(&image, s->bits_stored, !jls);
    return jls ? lossless_jls(&image, error) : lossless_jph(&image, error);
}

static GByteArray *
make(const guint8 *bytes, gsize length, json_t *request, GError **error)
{
    guint32 index = (guint32)CLAMP(json_get_int(request, "frame", 0), 0, G_MAXINT32);
    g_auto(frame_source) source = {0};
    if (!frame_source_open(&source, bytes, length, index, error))
        return NULL;
    const char *format = json_get_text(request, "format");
    gboolean jls = !g_strcmp0(format, "jls"), jph = !g_strcmp0(format, "jph");
    gboolean raw = jls || jph || !g_strcmp0(format, "raw");
    if (raw && source.transfer_syntax->encapsulation == SYNTAX_NATIVE)
        return jls || jph ? compress(&source, source.frame, source.planar, jls, error)
                          : g_byte_array_ref(source.frame);
    g_autoptr(dcm_frame) frame = open_frame(&source, index, error);
    if (!frame)
        return NULL;
    if (!raw)
        return draw(frame, request, error);
    g_autoptr(GByteArray) samples = decode(&source, frame, error);
    if (!samples)
        return NULL;
    return jls || jph ? compress(&source, samples, dcm_frame_is_planar(frame), jls, error)
                      : g_steal_pointer(&samples);
}

static gboolean
write_all(int fd, const guint8 *bytes, gsize length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        bytes += n;
        length -= (gsize)n;
    }
    return TRUE;
}

/* Samples of every frame, since DCMTK has no decoder for JPEG 2000. NULL with error. */
static GByteArray *
decode_all_j2k(const guint8 *bytes, gsize length, dcm_conversion *c, GError **error)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    for (guint32 index = 0, frames = 1; index < frames; index++) {
        g_auto(frame_source) source = {0};
        dcm_frame_input in = {0};
        if (!frame_source_open(&source, bytes, length, index, error) || !decode_j2k(&source, &in, error))
            return NULL;
        frames = source.frames;
        c->file = source.dataset;
        c->length = source.dataset_length;
        if ((guint64)all->len + source.frame->len > FRAME_BYTES_LIMIT) {
            err_set(error, ERR_TOO_LARGE, "decoded it is larger than %u bytes", FRAME_BYTES_LIMIT);
            return NULL;
        }
        c->bytes_per_sample = in.bytes_per_sample;
        c->photometric = in.photometric;
        g_byte_array_append(all, source.frame->data, source.frame->len);
    }
    if (all->len % 2)
        g_byte_array_append(all, (const guint8 *)"", 1);
    return g_steal_pointer(&all);
}

static gboolean
convert(const guint8 *bytes, gsize length, json_t *request, int output, gsize *ret_bytes, GError **error)
{
    dcm_conversion c = {.file = bytes, .length = length, .syntax = json_get_text(request, "syntax")};
    g_autoptr(GByteArray) inflated = NULL, pixels = NULL;
    walk_input input;
    const syntax *stored;
    if (!c.syntax || !scan_begin(bytes, length, &input, &stored, &inflated, error))
        return FALSE;
    if (stored->encapsulation == SYNTAX_VIDEO)
        return err_set(error, ERR_UNSUPPORTED, "video is not decoded");
    if (stored->encapsulation == SYNTAX_J2K) {
        pixels = decode_all_j2k(bytes, length, &c, error);
        if (!pixels)
            return FALSE;
        c.pixels = pixels->data;
        c.pixels_length = pixels->len;
    }
    return dcm_convert(&c, output, ret_bytes, error);
}

static gboolean
serve(int file, int output, json_t *request, gsize *ret_bytes, GError **error)
{
    struct stat st;
    if (fstat(file, &st) != 0 || st.st_size == 0)
        return err_set(error, ERR_INTERNAL, "the stored file cannot be read");
    gsize length = (gsize)st.st_size;
    guint8 *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return err_set(error, ERR_TOO_LARGE, "the stored file is too large to be drawn");
    if (!g_strcmp0(json_get_text(request, "type"), "convert")) {
        gboolean good = convert(bytes, length, request, output, ret_bytes, error);
        munmap(bytes, length);
        return good;
    }
    g_autoptr(GByteArray) out = make(bytes, length, request, error);
    munmap(bytes, length);
    if (!out)
        return FALSE;
    *ret_bytes = out->len;
    return write_all(output, out->data, out->len) ||
           err_set(error, ERR_STORAGE, "the picture cannot be written");
}

static gboolean
answer(int file, int output, json_t *request)
{
    g_autoptr(GError) error = NULL;
    gsize bytes = 0;
    gboolean good = serve(file, output, request, &bytes, &error);
    g_autoptr(json_t) reply = good ? json_pack("{s:s, s:I}", "type", "done", "bytes", (json_int_t)bytes)
                                   : json_pack("{s:s, s:i, s:s}", "type", "failed", "error",
                                               err_rpc_code(err_code_of(error)), "reason", error->message);
    if (mallinfo2().fordblks > KEPT_LIMIT)
        malloc_trim(0); /* a large frame's memory is not kept for small ones */
    return channel_send(CHANNEL_FD, reply, -1);
}

int
sandbox_run(void)
{
    child_begin();
    mallopt(M_MMAP_THRESHOLD, BLOCK_LIMIT);
    mallopt(M_TRIM_THRESHOLD, KEPT_LIMIT);
    dcm_image_init();
    if (!give_up_everything()) {
        log_line(LOG_ERROR, "render", "the sandbox cannot be closed: %s", g_strerror(errno));
        return 1;
    }
    g_autoptr(json_t) ready = json_pack("{s:s}", "type", "ready");
    int output = -1;
    gboolean more = channel_send(CHANNEL_FD, ready, -1);
    while (more) {
        g_autoptr(json_t) message = NULL;
        int fd = -1;
        if (channel_receive(CHANNEL_FD, TRUE, &message, &fd) != CHANNEL_MESSAGE || fd < 0)
            return 0;
        if (!g_strcmp0(json_get_text(message, "type"), "output")) {
            output = fd;
            continue;
        }
        more = answer(fd, output, message);
        close(fd);
        close(output);
    }
    return 0;
}
