#include "dicom/scp/rate.h"

gboolean
rate_take(rate *r, guint per_minute, gint64 now)
{
    double minutes = r->at ? (double)(now - r->at) / (60.0 * G_USEC_PER_SEC) : 1;
    r->left = MIN(r->left + minutes * per_minute, per_minute);
    r->at = now;
    if (per_minute == 0)
        return TRUE;
    if (r->left < 1)
        return FALSE;
    r->left -= 1;
    return TRUE;
}
