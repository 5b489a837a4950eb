#include "hub/http/range.h"
#include <string.h>

/* Digits only; FALSE when there is none or it does not fit. */
static gboolean
parse_number(const char **at, guint64 *ret)
{
    const char *start = *at;
    guint64 v = 0;
    while (g_ascii_isdigit(**at)) {
        if (v > (G_MAXUINT64 - 9) / 10)
            return FALSE;
        v = v * 10 + (guint)(**at - '0');
        (*at)++;
    }
    *ret = v;
    return *at > start;
}

static range_kind
suffix(guint64 count, guint64 size, guint64 *ret_offset, guint64 *ret_length)
{
    if (count == 0 || size == 0)
        return RANGE_UNSATISFIABLE;
    *ret_length = MIN(count, size);
    *ret_offset = size - *ret_length;
    return RANGE_PART;
}

range_kind
range_parse(const char *header, guint64 size, guint64 *ret_offset, guint64 *ret_length)
{
    if (!header || g_ascii_strncasecmp(header, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    const char *at = header + 6;
    while (*at == ' ')
        at++;
    guint64 first = 0, last = 0;
    gboolean has_first = parse_number(&at, &first);
    if (!has_first && *at != '-')
        return RANGE_WHOLE;
    if (*at++ != '-')
        return RANGE_WHOLE;
    gboolean has_last = parse_number(&at, &last);
    while (*at == ' ')
        at++;
    if (*at != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
        return RANGE_WHOLE;
    if (!has_first)
        return suffix(last, size, ret_offset, ret_length);
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    if (!has_last || last >= size)
        last = size - 1;
    *ret_offset = first;
    *ret_length = last - first + 1;
    return RANGE_PART;
}
