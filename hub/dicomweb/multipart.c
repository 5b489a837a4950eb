/* The delimiter is CR LF - - boundary. Its CR LF may be the line end before the first part or that of a
 * part's headers: these two bytes are `lent`, matched without being content. Content that looked like a
 * delimiter's beginning at the end of one stretch is given from the delimiter itself when the next stretch
 * shows that it was none. A boundary holds no CR, so after a mismatch matching starts anew at the byte that
 * did not fit. */
#include "hub/dicomweb/multipart.h"
#include "hub/base/err.h"
#include <string.h>

#define LINE_END 2

typedef enum { IN_PREAMBLE, AFTER_DELIMITER, IN_HEADERS, IN_BODY, COMPLETE, BROKEN } state;

struct multipart {
    const multipart_sink *sink;
    gpointer data;
    state state;
    char delimiter[MULTIPART_BOUNDARY_LIMIT + 5];
    gsize delimiter_length;
    gsize matched, lent;
    char last; /* the byte before, after a delimiter */
    GString *headers;
};

/* The value of a parameter of a Content-Type, unquoted, or NULL. */
static char *
parameter(const char *content_type, const char *name)
{
    gsize length = strlen(name);
    const char *at = content_type + strcspn(content_type, ";");
    while (*at == ';') {
        at++;
        at += strspn(at, " \t");
        const char *rest = at + length;
        gboolean named = !g_ascii_strncasecmp(at, name, length) && rest[strspn(rest, " \t")] == '=';
        at += strcspn(at, "=;");
        if (*at != '=')
            continue;
        at++;
        at += strspn(at, " \t");
        const char *start = *at == '"' ? at + 1 : at;
        const char *end = start + strcspn(start, *at == '"' ? "\"" : "; \t");
        if (named)
            return g_strndup(start, (gsize)(end - start));
        at = end + strcspn(end, ";");
    }
    return NULL;
}

multipart *
multipart_new(const char *content_type, const multipart_sink *sink, gpointer user_data, char **ret_type,
              GError **error)
{
    if (!content_type || g_ascii_strncasecmp(content_type, "multipart/related", 17) != 0) {
        err_set(error, ERR_UNSUPPORTED, "the body must be multipart/related");
        return NULL;
    }
    g_autofree char *boundary = parameter(content_type, "boundary");
    if (!boundary || !*boundary || strlen(boundary) > MULTIPART_BOUNDARY_LIMIT) {
        err_set(error, ERR_INVALID, "the multipart boundary has 1 to %d characters",
                MULTIPART_BOUNDARY_LIMIT);
        return NULL;
    }
    multipart *m = g_new0(multipart, 1);
    m->sink = sink;
    m->data = user_data;
    m->delimiter_length = (gsize)g_snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%s", boundary);
    m->matched = m->lent = LINE_END; /* the first delimiter may stand at the very beginning */
    m->headers = g_string_new(NULL);
    g_autofree char *type = parameter(content_type, "type");
    *ret_type = type ? g_ascii_strdown(type, -1) : NULL;
    return m;
}

void
multipart_free(multipart *m)
{
    if (!m)
        return;
    g_string_free(m->headers, TRUE);
    g_free(m);
}

gboolean
multipart_is_broken(const multipart *m)
{
    return m->state == BROKEN;
}

gboolean
multipart_is_complete(const multipart *m)
{
    return m->state == COMPLETE;
}

static gboolean
broken(multipart *m)
{
    m->state = BROKEN;
    return FALSE;
}

static gboolean
give(multipart *m, const void *bytes, gsize length)
{
    return m->state != IN_BODY || length == 0 || m->sink->data(bytes, length, m->data);
}

static gboolean
delimiter_complete(multipart *m, const guint8 *start, gsize stretch)
{
    gsize own = m->delimiter_length - m->lent;
    if (stretch > own && !give(m, start, stretch - own))
        return FALSE;
    if (m->state == IN_BODY && !m->sink->end(m->data))
        return FALSE;
    m->state = AFTER_DELIMITER;
    m->matched = m->lent = 0;
    m->last = '\0';
    return TRUE;
}

/* The delimiter's beginning was content after all: gives what earlier stretches held back of it. */
static gboolean
false_start(multipart *m, gsize here)
{
    gsize earlier = m->matched - MIN(m->matched, here);
    gboolean going = earlier <= m->lent || give(m, m->delimiter + m->lent, earlier - m->lent);
    m->matched = m->lent = 0;
    return going;
}

/* In preamble or content: passes bytes until the delimiter is complete or the stretch ends. */
static gboolean
step_content(multipart *m, const guint8 **at, const guint8 *end)
{
    const guint8 *start = *at;
    while (*at < end) {
        if (**at == (guint8)m->delimiter[m->matched]) {
            (*at)++;
            if (++m->matched == m->delimiter_length)
                return delimiter_complete(m, start, (gsize)(*at - start));
        } else if (m->matched > 0) {
            if (!false_start(m, (gsize)(*at - start)))
                return FALSE;
        } else {
            const guint8 *cr = memchr(*at, '\r', (gsize)(end - *at));
            *at = cr ? cr : end;
        }
    }
    gsize stretch = (gsize)(*at - start);
    return give(m, start, stretch - MIN(m->matched - m->lent, stretch));
}

/* Behind a delimiter: "--" ends the body, blanks and a line end begin a part. */
static gboolean
step_after(multipart *m, char c)
{
    char last = m->last;
    m->last = c;
    if (c == '-' && last == '-') {
        m->state = COMPLETE;
        return TRUE;
    }
    if (c == '\n' && last == '\r') {
        m->state = IN_HEADERS;
        g_string_truncate(m->headers, 0);
        return TRUE;
    }
    if (last == '-' || last == '\r')
        return broken(m);
    return c == ' ' || c == '\t' || c == '\r' || (c == '-' && last == '\0') ? TRUE : broken(m);
}

static char *
content_type_of(const char *headers)
{
    g_auto(GStrv) lines = g_strsplit(headers, "\r\n", -1);
    for (char **line = lines; *line; line++)
        if (!g_ascii_strncasecmp(*line, "content-type:", 13))
            return g_strstrip(g_strdup(*line + 13));
    return NULL;
}

static gboolean
step_headers(multipart *m, char c)
{
    GString *h = m->headers;
    if (c == '\0' || h->len >= MULTIPART_HEADERS_LIMIT)
        return broken(m);
    g_string_append_c(h, c);
    gboolean none = h->len == 2 && !memcmp(h->str, "\r\n", 2);
    if (!none && (h->len < 4 || memcmp(h->str + h->len - 4, "\r\n\r\n", 4) != 0))
        return TRUE;
    g_autofree char *type = content_type_of(h->str);
    m->state = IN_BODY;
    m->matched = m->lent = LINE_END; /* an empty part has no line end of its own */
    return m->sink->begin(type, m->data);
}

gboolean
multipart_feed(multipart *m, const guint8 *bytes, gsize length)
{
    const guint8 *at = bytes, *end = bytes + length;
    gboolean going = m->state != BROKEN;
    while (going && at < end && m->state != COMPLETE) { /* what follows the end says nothing */
        if (m->state == AFTER_DELIMITER)
            going = step_after(m, (char)*at++);
        else if (m->state == IN_HEADERS)
            going = step_headers(m, (char)*at++);
        else
            going = step_content(m, &at, end);
    }
    return going;
}
