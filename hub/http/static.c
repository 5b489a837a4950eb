#include "hub/http/static.h"
#include "hub/hub.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
    {".map", "application/json"},
};

/* Prefixes that belong to programs: an unknown path there is 404, never a page. */
static const char *const not_pages[] = {"api/",   "dicom-web/", "whip/",  "whep/",   "live/",  "fhir/",
                                        "signal", "healthz",    "readyz", "metrics", "assets/"};

static const char *
type_of(const char *path)
{
    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(path, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

/* No segment that is empty, hidden or climbs. */
static gboolean
is_plain(const char *path)
{
    return path[0] != '.' && path[0] != '/' && !strstr(path, "/.") && !strstr(path, "//") &&
           !strchr(path, '\\');
}

static int
open_file(const char *directory, const char *path, const char *suffix, struct stat *st)
{
    g_autofree char *full = g_strconcat(directory, "/", path, suffix, NULL);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The file, or the smallest precompressed form beside it that the client takes. */
static int
open_best(http_request *r, const char *directory, const char *path, struct stat *st)
{
    const char *accept = http_header(r, "accept-encoding");
    int fd = -1;
    if (accept && strstr(accept, "br") && (fd = open_file(directory, path, ".br", st)) >= 0)
        http_reply_header(r, "Content-Encoding", "br");
    else if (accept && strstr(accept, "gzip") && (fd = open_file(directory, path, ".gz", st)) >= 0)
        http_reply_header(r, "Content-Encoding", "gzip");
    if (fd < 0)
        fd = open_file(directory, path, "", st);
    return fd;
}

static gboolean
serve(http_request *r, const char *directory, const char *path)
{
    struct stat st;
    int fd = open_best(r, directory, path, &st);
    if (fd < 0)
        return FALSE;
    g_autofree char *etag =
        g_strdup_printf("\"%llx-%llx-%lx\"", (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
                        (unsigned long)st.st_mtim.tv_sec ^ (unsigned long)st.st_mtim.tv_nsec);
    http_reply_header(r, "Vary", "Accept-Encoding");
    http_reply_header(r, "Cache-Control",
                      g_str_has_prefix(path, "assets/") ? "public, max-age=31536000, immutable" : "no-cache");
    http_reply_header(r, "ETag", etag);
    http_reply_file(r, 200, type_of(path), fd, 0, -1);
    return TRUE;
}

void
static_handle(http_request *r)
{
    const char *directory = config_text(http_hub(r)->config, "hub", "web-dir"), *path = http_param(r, "path");
    if (*directory && *path && is_plain(path) && serve(r, directory, path))
        return;
    gboolean page = !strchr(path, '.');
    for (gsize i = 0; i < G_N_ELEMENTS(not_pages); i++)
        page &= !g_str_has_prefix(path, not_pages[i]);
    if (*directory && page && serve(r, directory, "index.html"))
        return;
    http_reply_problem(r, ERR_NOT_FOUND, "%s", "");
}
