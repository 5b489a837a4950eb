/* One byte moves one state; data is passed over in stretches. */
#include "hub/http/chunked.h"

static gboolean
broken(chunked_decoder *d)
{
    d->state = CHUNKED_BROKEN;
    return FALSE;
}

/* A chunk size of up to 15 hexadecimal digits. */
static gboolean
step_size(chunked_decoder *d, guint8 c)
{
    int digit = g_ascii_xdigit_value((char)c);
    if (digit >= 0) {
        if (++d->digits > 15)
            return broken(d);
        d->left = d->left << 4 | (guint)digit;
        return TRUE;
    }
    if (d->digits == 0)
        return broken(d);
    if (c == '\r')
        d->state = CHUNKED_SIZE_LF;
    else if (c == ';' || c == ' ' || c == '\t')
        d->state = CHUNKED_EXTENSION;
    else
        return broken(d);
    return TRUE;
}

static gboolean
step_line_end(chunked_decoder *d, guint8 c)
{
    if (c != '\n')
        return broken(d);
    switch (d->state) {
    case CHUNKED_SIZE_LF:
        d->state = d->left ? CHUNKED_DATA : CHUNKED_TRAILER_START;
        d->digits = d->line = 0;
        return TRUE;
    case CHUNKED_DATA_LF:
        d->state = CHUNKED_SIZE;
        return TRUE;
    case CHUNKED_TRAILER_LF:
        d->state = CHUNKED_TRAILER_START;
        return TRUE;
    default:
        d->state = CHUNKED_END;
        return TRUE;
    }
}

static gboolean
step(chunked_decoder *d, guint8 c)
{
    switch (d->state) {
    case CHUNKED_SIZE:
        return step_size(d, c);
    case CHUNKED_EXTENSION:
        if (c == '\r')
            d->state = CHUNKED_SIZE_LF;
        else if (c == '\n' || ++d->line > CHUNKED_LINE_LIMIT)
            return broken(d);
        return TRUE;
    case CHUNKED_DATA_CR:
        if (c != '\r')
            return broken(d);
        d->state = CHUNKED_DATA_LF;
        return TRUE;
    case CHUNKED_TRAILER_START:
        d->state = c == '\r' ? CHUNKED_LAST_LF : CHUNKED_TRAILER;
        return c == '\n' ? broken(d) : TRUE;
    case CHUNKED_TRAILER:
        if (c == '\r')
            d->state = CHUNKED_TRAILER_LF;
        else if (c == '\n' || ++d->line > CHUNKED_LINE_LIMIT)
            return broken(d);
        return TRUE;
    case CHUNKED_SIZE_LF:
    case CHUNKED_DATA_LF:
    case CHUNKED_TRAILER_LF:
    case CHUNKED_LAST_LF:
        return step_line_end(d, c);
    default:
        return broken(d);
    }
}

gboolean
chunked_next(chunked_decoder *d, const guint8 **at, const guint8 *end, const guint8 **ret_data,
             gsize *ret_length)
{
    *ret_data = NULL;
    *ret_length = 0;
    while (*at < end && d->state != CHUNKED_END) {
        if (d->state == CHUNKED_DATA) {
            gsize have = MIN((guint64)(end - *at), d->left);
            *ret_data = *at;
            *ret_length = have;
            *at += have;
            d->left -= have;
            if (d->left == 0)
                d->state = CHUNKED_DATA_CR;
            return TRUE;
        }
        if (!step(d, *(*at)++))
            return FALSE;
    }
    return d->state != CHUNKED_BROKEN;
}
