/* Reading SDP. Lines are taken one by one; a table maps attributes to parsers. Unknown lines and attributes
 * are skipped, as RFC 8866 wants; a value that is cut off or too long is skipped likewise, unless the
 * description would be useless or dangerous with it. */
#include "media/rtc/sdp.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    sdp_description *d;
    sdp_media *m; /* NULL: at session level */
    gboolean bundle_only;
    guint port;
} parser;

/* ---- small readers ---- */

/* Whole decimal number up to limit at *at; moves behind it. */
static gboolean
read_number(const char **at, guint64 limit, guint64 *ret_number)
{
    char *end;
    if (!g_ascii_isdigit(**at))
        return FALSE;
    guint64 number = g_ascii_strtoull(*at, &end, 10);
    if (number > limit)
        return FALSE;
    *at = end;
    *ret_number = number;
    return TRUE;
}

static gboolean
read_payload_type(const char **at, guint8 *ret_type)
{
    guint64 number;
    if (!read_number(at, 127, &number))
        return FALSE;
    *ret_type = (guint8)number;
    return TRUE;
}

/* The next word, copied; FALSE: there is none, or it does not fit. */
static gboolean
read_word(const char **at, char *area, gsize size)
{
    *at += strspn(*at, " ");
    gsize length = strcspn(*at, " ");
    if (length == 0 || length >= size)
        return FALSE;
    memcpy(area, *at, length);
    area[length] = '\0';
    *at += length;
    return TRUE;
}

/* token of RFC 8866 9: what may be echoed into our own description */
static gboolean
is_token(const char *text)
{
    if (!*text)
        return FALSE;
    for (const char *c = text; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("!#$%&'*+-.^_`{|}~/", *c))
            return FALSE;
    return TRUE;
}

static sdp_format *
find_format(const sdp_media *m, guint8 payload_type)
{
    for (guint i = 0; m && i < m->formats->len; i++) {
        sdp_format *f = &g_array_index(m->formats, sdp_format, i);
        if (f->payload_type == payload_type)
            return f;
    }
    return NULL;
}

static sdp_transport *
transport_of(parser *p)
{
    return p->m ? &p->m->transport : &p->d->transport;
}

/* ---- attributes; value is never NULL ---- */

static void
parse_group(parser *p, const char *value)
{
    if (p->m || p->d->has_group || !g_str_has_prefix(value, "BUNDLE"))
        return;
    p->d->has_group = TRUE;
    g_strlcpy(p->d->group, value + strlen("BUNDLE"), sizeof p->d->group);
}

static void
parse_mid(parser *p, const char *value)
{
    if (p->m && strlen(value) <= SDP_MID_LIMIT && is_token(value))
        g_strlcpy(p->m->mid, value, sizeof p->m->mid);
}

static void
parse_ufrag(parser *p, const char *value)
{
    if (strlen(value) <= ICE_CREDENTIAL_LIMIT)
        g_strlcpy(transport_of(p)->ufrag, value, sizeof p->d->transport.ufrag);
}

static void
parse_password(parser *p, const char *value)
{
    if (strlen(value) <= ICE_CREDENTIAL_LIMIT)
        g_strlcpy(transport_of(p)->password, value, sizeof p->d->transport.password);
}

static void
parse_fingerprint(parser *p, const char *value)
{
    sdp_transport *t = transport_of(p);
    if (g_ascii_strncasecmp(value, "sha-256 ", 8) == 0 && dtls_fingerprint_parse(value + 8, t->fingerprint))
        t->has_fingerprint = TRUE;
}

static void
parse_setup(parser *p, const char *value)
{
    static const char *const names[] = {
        [SDP_ACTPASS] = "actpass", [SDP_ACTIVE] = "active", [SDP_PASSIVE] = "passive"};
    for (guint i = SDP_ACTPASS; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(value, names[i]))
            transport_of(p)->setup = (sdp_setup)i;
}

static void
parse_ice_lite(parser *p, const char *value)
{
    (void)value;
    p->d->ice_lite = TRUE;
}

static void
parse_bundle_only(parser *p, const char *value)
{
    (void)value;
    p->bundle_only = TRUE;
}

static void
parse_rtcp_mux(parser *p, const char *value)
{
    (void)value;
    if (p->m)
        p->m->rtcp_mux = TRUE;
}

static void
parse_rtcp_rsize(parser *p, const char *value)
{
    (void)value;
    if (p->m)
        p->m->rtcp_rsize = TRUE;
}

static void
parse_simulcast(parser *p, const char *value)
{
    (void)value;
    if (p->m)
        p->m->simulcast = TRUE;
}

/* PT NAME/RATE[/CHANNELS] */
static void
parse_rtpmap(parser *p, const char *value)
{
    guint8 type;
    guint64 rate = 0, channels = 0;
    char name[SDP_TEXT_LIMIT + 1];
    sdp_format *f = read_payload_type(&value, &type) ? find_format(p->m, type) : NULL;
    if (!f || !read_word(&value, name, sizeof name))
        return;
    char *slash = strchr(name, '/');
    if (!slash)
        return;
    *slash = '\0';
    const char *rest = slash + 1;
    if (!read_number(&rest, G_MAXINT32, &rate) ||
        (*rest == '/' && (rest++, !read_number(&rest, 255, &channels))))
        return;
    f->rtx = g_ascii_strcasecmp(name, "rtx") == 0;
    f->codec = f->rtx ? CODEC_NONE : codec_parse(name, (guint)rate, (guint)channels);
}

static void
parse_fmtp(parser *p, const char *value)
{
    guint8 type;
    sdp_format *f = read_payload_type(&value, &type) ? find_format(p->m, type) : NULL;
    value += strspn(value, " ");
    if (!f || strlen(value) > SDP_TEXT_LIMIT)
        return;
    g_strlcpy(f->fmtp, value, sizeof f->fmtp);
    if (g_str_has_prefix(value, "apt=")) {
        value += strlen("apt=");
        if (!read_payload_type(&value, &f->apt))
            f->apt = 0;
    }
}

static void
note_feedback(sdp_format *f, const char *what)
{
    if (g_str_equal(what, "nack"))
        f->nack = TRUE;
    else if (g_str_equal(what, "nack pli"))
        f->pli = TRUE;
    else if (g_str_equal(what, "ccm fir"))
        f->fir = TRUE;
    else if (g_str_equal(what, "transport-cc"))
        f->transport_cc = TRUE;
}

static void
parse_feedback(parser *p, const char *value)
{
    guint8 type;
    if (!p->m)
        return;
    if (*value == '*') {
        value += 1 + strspn(value + 1, " ");
        for (guint i = 0; i < p->m->formats->len; i++)
            note_feedback(&g_array_index(p->m->formats, sdp_format, i), value);
        return;
    }
    sdp_format *f = read_payload_type(&value, &type) ? find_format(p->m, type) : NULL;
    value += strspn(value, " ");
    if (f)
        note_feedback(f, value);
}

/* ID[/DIRECTION] URI */
static void
parse_extmap(parser *p, const char *value)
{
    guint64 id;
    rtp_extension e;
    char uri[SDP_TEXT_LIMIT + 1];
    if (!p->m || !read_number(&value, 255, &id) || id == 0)
        return;
    if (*value == '/')
        value += strcspn(value, " ");
    /* Ids over 14 need the two-byte form, which we read but do not write. */
    if (read_word(&value, uri, sizeof uri) && rtp_extension_parse(uri, &e) && id <= 14 &&
        !p->m->extensions.of[e])
        p->m->extensions.of[e] = (guint8)id;
}

static void
parse_ssrc(parser *p, const char *value)
{
    guint64 ssrc;
    if (p->m && !p->m->ssrc && read_number(&value, G_MAXUINT32, &ssrc))
        p->m->ssrc = (guint32)ssrc;
}

/* FID SSRC RTX: the first group counts, and more than a lone a=ssrc before it. */
static void
parse_ssrc_group(parser *p, const char *value)
{
    guint64 ssrc, rtx;
    if (!p->m || p->m->rtx_ssrc || !g_str_has_prefix(value, "FID "))
        return;
    value += strlen("FID ");
    if (!read_number(&value, G_MAXUINT32, &ssrc))
        return;
    value += strspn(value, " ");
    if (!read_number(&value, G_MAXUINT32, &rtx))
        return;
    p->m->ssrc = (guint32)ssrc;
    p->m->rtx_ssrc = (guint32)rtx;
}

static const struct {
    const char *name;
    void (*parse)(parser *p, const char *value);
} attributes[] = {
    {"group", parse_group},
    {"mid", parse_mid},
    {"ice-ufrag", parse_ufrag},
    {"ice-pwd", parse_password},
    {"fingerprint", parse_fingerprint},
    {"setup", parse_setup},
    {"ice-lite", parse_ice_lite},
    {"bundle-only", parse_bundle_only},
    {"rtcp-mux", parse_rtcp_mux},
    {"rtcp-rsize", parse_rtcp_rsize},
    {"simulcast", parse_simulcast},
    {"rtpmap", parse_rtpmap},
    {"fmtp", parse_fmtp},
    {"rtcp-fb", parse_feedback},
    {"extmap", parse_extmap},
    {"ssrc", parse_ssrc},
    {"ssrc-group", parse_ssrc_group},
};

static const char *const direction_names[] = {
    [SDP_SENDRECV] = "sendrecv",
    [SDP_SENDONLY] = "sendonly",
    [SDP_RECVONLY] = "recvonly",
    [SDP_INACTIVE] = "inactive",
};

const char *
sdp_direction_name(sdp_direction d)
{
    return direction_names[d];
}

static void
parse_attribute(parser *p, char *line)
{
    char *colon = strchr(line, ':');
    const char *value = "";
    if (colon) {
        *colon = '\0';
        value = colon + 1;
    }
    for (guint i = 0; p->m && !colon && i < G_N_ELEMENTS(direction_names); i++)
        if (g_str_equal(line, direction_names[i]))
            p->m->direction = (sdp_direction)i;
    for (guint i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (g_str_equal(line, attributes[i].name)) {
            attributes[i].parse(p, value);
            return;
        }
    }
}

/* ---- m-lines and the whole ---- */

static void
free_media(sdp_media *m)
{
    g_array_unref(m->formats);
    g_free(m);
}

/* Settles what could only be known at the end of an m-section. */
static void
finish_media(parser *p)
{
    if (p->m)
        p->m->rejected = p->port == 0 && !p->bundle_only;
    p->bundle_only = FALSE;
}

static void
read_formats(sdp_media *m, const char *at)
{
    char word[SDP_TEXT_LIMIT + 1];
    while (m->formats->len < SDP_FORMAT_LIMIT && read_word(&at, word, sizeof word)) {
        const char *digits = word;
        sdp_format f = {0};
        if (!m->first_format[0] && is_token(word))
            g_strlcpy(m->first_format, word, sizeof m->first_format);
        if (read_payload_type(&digits, &f.payload_type) && *digits == '\0' && !find_format(m, f.payload_type))
            g_array_append_val(m->formats, f);
    }
}

/* KIND PORT[/COUNT] PROTOCOL FORMATS */
static gboolean
parse_media(parser *p, const char *line, GError **error)
{
    guint64 port;
    finish_media(p);
    if (p->d->media->len >= SDP_MEDIA_LIMIT)
        return err_set(error, ERR_TOO_LARGE, "more than %d m-lines", SDP_MEDIA_LIMIT);
    sdp_media *m = p->m = g_new0(sdp_media, 1);
    m->formats = g_array_new(FALSE, TRUE, sizeof(sdp_format));
    g_ptr_array_add(p->d->media, m);
    gboolean read = read_word(&line, m->kind_text, sizeof m->kind_text);
    line += strspn(line, " ");
    read = read && read_number(&line, G_MAXUINT16, &port);
    line += strcspn(line, " ");
    if (!read || !read_word(&line, m->protocol, sizeof m->protocol) || !is_token(m->kind_text) ||
        !is_token(m->protocol))
        return err_set(error, ERR_INVALID, "m-line %u is malformed", p->d->media->len);
    p->port = (guint)port;
    m->kind = g_str_equal(m->kind_text, "audio")   ? SDP_AUDIO
              : g_str_equal(m->kind_text, "video") ? SDP_VIDEO
                                                   : SDP_OTHER;
    read_formats(m, line);
    if (!m->first_format[0])
        return err_set(error, ERR_INVALID, "m-line %u has no format", p->d->media->len);
    return TRUE;
}

static gboolean
parse_line(parser *p, char *line, GError **error)
{
    if (line[0] == 'm' && line[1] == '=')
        return parse_media(p, line + 2, error);
    if (line[0] == 'a' && line[1] == '=')
        parse_attribute(p, line + 2);
    return TRUE;
}

/* Calls parse_line for each line of text, which is zero-terminated. */
static gboolean
parse_lines(parser *p, const char *text, GError **error)
{
    char line[SDP_LINE_LIMIT + 1];
    for (const char *at = text; *at;) {
        gsize length = strcspn(at, "\r\n");
        if (length <= SDP_LINE_LIMIT) {
            memcpy(line, at, length);
            line[length] = '\0';
            if (!parse_line(p, line, error))
                return FALSE;
        } else if (*at == 'm') {
            return err_set(error, ERR_INVALID, "an m-line is too long");
        }
        at += length;
        at += strspn(at, "\r\n");
    }
    finish_media(p);
    return TRUE;
}

/* Is mid a word of the group? */
static gboolean
group_has(const char *group, const char *mid)
{
    char word[SDP_MID_LIMIT + 1];
    while (*group) {
        if (!read_word(&group, word, sizeof word))
            group += strcspn(group, " "); /* too long to be one of ours */
        else if (g_str_equal(word, mid))
            return TRUE;
    }
    return FALSE;
}

/* Mids unique, bundle membership, transport defaults. */
static gboolean
complete(sdp_description *d, GError **error)
{
    for (guint i = 0; i < d->media->len; i++) {
        sdp_media *m = g_ptr_array_index(d->media, i);
        if (!m->mid[0])
            g_snprintf(m->mid, sizeof m->mid, "%u", i);
        for (guint j = 0; j < i; j++)
            if (g_str_equal(m->mid, ((sdp_media *)g_ptr_array_index(d->media, j))->mid))
                return err_set(error, ERR_INVALID, "two m-lines have the same mid");
        m->bundled = d->has_group ? group_has(d->group, m->mid) : d->media->len == 1;
        if (!m->transport.ufrag[0]) {
            memcpy(m->transport.ufrag, d->transport.ufrag, sizeof m->transport.ufrag);
            memcpy(m->transport.password, d->transport.password, sizeof m->transport.password);
        }
        if (!m->transport.has_fingerprint) {
            memcpy(m->transport.fingerprint, d->transport.fingerprint, sizeof m->transport.fingerprint);
            m->transport.has_fingerprint = d->transport.has_fingerprint;
        }
        if (m->transport.setup == SDP_SETUP_NONE)
            m->transport.setup = d->transport.setup;
    }
    return TRUE;
}

sdp_description *
sdp_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(sdp_description) d = NULL;
    if (length > SDP_LIMIT) {
        err_set(error, ERR_TOO_LARGE, "the description is longer than %d bytes", SDP_LIMIT);
        return NULL;
    }
    if (length < 4 || memcmp(text, "v=0", 3) != 0 || memchr(text, 0, length)) {
        err_set(error, ERR_INVALID, "this is not a session description");
        return NULL;
    }
    g_autofree char *copy = g_strndup(text, length);
    d = g_new0(sdp_description, 1);
    d->media = g_ptr_array_new_with_free_func((GDestroyNotify)free_media);
    parser p = {.d = d};
    if (!parse_lines(&p, copy, error) || !complete(d, error))
        return NULL;
    return g_steal_pointer(&d);
}

void
sdp_free(sdp_description *d)
{
    if (!d)
        return;
    g_ptr_array_unref(d->media);
    g_free(d);
}

static const char *
missing_of(const sdp_media *m)
{
    if (!m->bundled)
        return "is not in the BUNDLE group";
    if (!m->rtcp_mux && m->kind != SDP_OTHER)
        return "has no rtcp-mux";
    if (!m->transport.ufrag[0] || !m->transport.password[0])
        return "has no ICE credentials";
    return m->transport.has_fingerprint ? NULL : "has no SHA-256 fingerprint";
}

const sdp_transport *
sdp_bundle_transport(const sdp_description *d, GError **error)
{
    const sdp_transport *found = NULL;
    for (guint i = 0; i < d->media->len; i++) {
        const sdp_media *m = g_ptr_array_index(d->media, i);
        if (m->rejected || m->kind == SDP_OTHER)
            continue;
        /* bundle-only lines have no transport of their own; the first one carries it */
        const char *missing = found && !m->transport.ufrag[0] ? NULL : missing_of(m);
        if (missing) {
            err_set(error, ERR_INVALID, "media %s %s", m->mid, missing);
            return NULL;
        }
        if (!found)
            found = &m->transport;
    }
    if (!found)
        err_set(error, ERR_INVALID, "the description has no audio or video");
    return found;
}

const sdp_media *
sdp_find(const sdp_description *d, const char *mid)
{
    for (guint i = 0; i < d->media->len; i++) {
        const sdp_media *m = g_ptr_array_index(d->media, i);
        if (g_str_equal(m->mid, mid))
            return m;
    }
    return NULL;
}

static const sdp_format *
find_rtx(const sdp_media *m, guint8 payload_type)
{
    for (guint i = 0; i < m->formats->len; i++) {
        const sdp_format *f = &g_array_index(m->formats, sdp_format, i);
        if (f->rtx && f->apt == payload_type)
            return f;
    }
    return NULL;
}

const sdp_format *
sdp_choose(const sdp_media *m, const codec_id *codecs, const sdp_format **ret_rtx)
{
    for (; *codecs != CODEC_NONE; codecs++) {
        for (guint i = 0; i < m->formats->len; i++) {
            const sdp_format *f = &g_array_index(m->formats, sdp_format, i);
            if (f->codec == *codecs && codec_format_fits(f->codec, f->fmtp)) {
                *ret_rtx = find_rtx(m, f->payload_type);
                return f;
            }
        }
    }
    return NULL;
}

gboolean
sdp_fragment_credentials(const char *text, char ret_ufrag[ICE_CREDENTIAL_LIMIT + 1],
                         char ret_password[ICE_CREDENTIAL_LIMIT + 1], GError **error)
{
    sdp_description d = {.media = g_ptr_array_new_with_free_func((GDestroyNotify)free_media)};
    parser p = {.d = &d};
    if (strlen(text) > SDP_LIMIT) {
        g_ptr_array_unref(d.media);
        return err_set(error, ERR_TOO_LARGE, "the fragment is longer than %d bytes", SDP_LIMIT);
    }
    gboolean parsed = parse_lines(&p, text, error);
    const sdp_transport *t = &d.transport;
    for (guint i = 0; !t->ufrag[0] && i < d.media->len; i++)
        t = &((sdp_media *)g_ptr_array_index(d.media, i))->transport;
    gboolean found = parsed && t->ufrag[0] && t->password[0];
    if (found) {
        memcpy(ret_ufrag, t->ufrag, ICE_CREDENTIAL_LIMIT + 1);
        memcpy(ret_password, t->password, ICE_CREDENTIAL_LIMIT + 1);
    }
    g_ptr_array_unref(d.media);
    return found;
}
