/* The one way from C++ back to C: runs body, turns what it throws and OFConditions into GErrors. */
#pragma once
#include <glib.h>
extern "C" {
#include "hub/base/err.h"
}
#include <dcmtk/config/osconfig.h>
#include <dcmtk/ofstd/ofcond.h>
#include <exception>

/** A failed condition as an error of ours. */
static inline gboolean
fail(GError **error, err_code code, const char *what, const OFCondition &condition)
{
    return err_set(error, code, "%s: %s", what, condition.text());
}

template <typename Body>
static gboolean
wrap(GError **error, Body &&body)
{
    try {
        return body();
    } catch (const std::exception &e) {
        return err_set(error, ERR_INTERNAL, "DCMTK: %s", e.what());
    } catch (...) {
        return err_set(error, ERR_INTERNAL, "DCMTK threw something");
    }
}
