/* All of a mover's fields are under its lock, but for those that never change. A sender takes the next
 * instance, sends it and waits for the answer, until there is none. The first sender begins alone; when the
 * destination has accepted it and much is left, the others follow: many destinations serve one association at
 * a time, and there the others wait in vain and are called back. */
#include "dicom/scp/mover.h"
#include "hub/base/err.h"
#include "hub/base/log.h"
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOSSES_LIMIT                                                                                         \
    3 /* associations in a row that ended at their first instance; then the sender gives up */
#define INSTANCES_A_SENDER 50 /* so many must be left for each additional sender */
#define PAIRS_LIMIT                                                                                          \
    64 /* (SOP class, transfer syntax) of one association, each with a class's fallback at most */

typedef struct {
    mover *m;
    GThread *thread;
    gboolean connecting;
    int socket;       /* a copy of the descriptor while it connects; -1 */
    guint first, end; /* its association can take the instances in [first, end) */
} sender;

struct mover {
    mover_plan plan;
    int event;
    GMutex lock;
    sender senders[MOVER_SENDERS_LIMIT];
    guint started, ended;
    guint next;    /* instance that nobody has taken yet */
    guint sending; /* instances under way */
    gboolean cancelled;
    char *reason;
};

static void
tell(mover *m)
{
    guint64 one = 1;
    ssize_t written = write(m->event, &one, sizeof one);
    (void)written; /* only full when it is readable anyway */
}

static void
keep_reason(mover *m, const GError *error)
{
    g_mutex_lock(&m->lock);
    if (!m->reason && error)
        m->reason = g_strdup(error->message);
    g_mutex_unlock(&m->lock);
}

/* --- presentation contexts
 * ------------------------------------------------------------------------------------- */

static gboolean
add_proposal(dcm_proposal *proposals, guint *count, const char *sop_class, const char *syntax)
{
    for (guint i = 0; i < *count; i++)
        if (!strcmp(proposals[i].sop_class, sop_class) &&
            (syntax ? !proposals[i].syntaxes[1] && !strcmp(proposals[i].syntaxes[0], syntax)
                    : proposals[i].syntaxes[1] != NULL))
            return FALSE;
    proposals[(*count)++] = syntax ? (dcm_proposal){.sop_class = sop_class, .syntaxes = {syntax}}
                                   : (dcm_proposal){.sop_class = sop_class,
                                                    .syntaxes = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2"}};
    return TRUE;
}

/* As many instances from first on as fit into one association: a context for each class and transfer syntax
 * that they are stored in, and one with native ones to fall back to for each class. Returns the end of them.
 */
static guint
propose(const mover *m, guint first, dcm_proposal *proposals, guint *ret_count)
{
    guint count = 0, i;
    for (i = first; i < m->plan.list->count && count + 2 <= 2 * PAIRS_LIMIT; i++) {
        const outgoing_item *item = &m->plan.list->items[i];
        add_proposal(proposals, &count, item->sop_class, item->syntax);
        add_proposal(proposals, &count, item->sop_class, NULL);
    }
    *ret_count = count;
    return i;
}

/* --- one sender
 * ---------------------------------------------------------------------------------------------- */

static void
on_connected(int fd, gpointer data)
{
    sender *s = data;
    g_mutex_lock(&s->m->lock);
    if (s->connecting && s->socket < 0)
        s->socket = dup(fd);
    g_mutex_unlock(&s->m->lock);
}

static void
set_connecting(sender *s, gboolean connecting)
{
    g_mutex_lock(&s->m->lock);
    s->connecting = connecting;
    if (s->socket >= 0)
        close(s->socket);
    s->socket = -1;
    g_mutex_unlock(&s->m->lock);
}

static dcm_association *
connect_for(sender *s, guint first, GError **error)
{
    mover *m = s->m;
    dcm_proposal proposals[2 * PAIRS_LIMIT];
    guint count;
    s->first = first;
    s->end = propose(m, first, proposals, &count);
    const dcm_request request = {.calling = m->plan.w->title,
                                 .called = m->plan.called,
                                 .host = m->plan.host,
                                 .port = m->plan.port,
                                 .tls = m->plan.tls,
                                 .cert_cn = m->plan.cert_cn,
                                 .cert_sha256 = m->plan.cert_sha256,
                                 .code = m->plan.code,
                                 .timeout = m->plan.w->acse_timeout,
                                 .proposals = proposals,
                                 .count = count,
                                 .connected = on_connected,
                                 .user_data = s};
    set_connecting(s, TRUE);
    dcm_association *a = dcm_association_request(&request, error);
    set_connecting(s, FALSE);
    return a;
}

/* The answer to what was sent. FALSE: the association is lost. */
static gboolean
take_answer(const mover *m, dcm_association *a, guint16 message, guint16 *ret_status, GError **error)
{
    dcm_command c;
    if (!dcm_association_next(a, m->plan.w->idle_timeout, &c, error))
        return FALSE;
    *ret_status = c.status;
    return (c.kind == DCM_STORED && c.message_id == message) ||
           err_set(error, ERR_UNAVAILABLE, "the destination left without an answer: %s", c.why);
}

/* FALSE: the association is lost. */
static gboolean
send_one(mover *m, dcm_association *a, guint index, GError **error)
{
    outgoing_item *item = &m->plan.list->items[index];
    guint16 message = 0, status = STATUS_UNABLE_TO_PERFORM;
    outgoing_result result =
        outgoing_send(m->plan.w, a, item, m->plan.originator, m->plan.originator_message, &message, error);
    gboolean lost =
        result == OUTGOING_LOST || (result == OUTGOING_SENT && !take_answer(m, a, message, &status, error));
    g_mutex_lock(&m->lock);
    outgoing_count(m->plan.list, item, lost ? STATUS_UNABLE_TO_PERFORM : status);
    m->sending--;
    if (!m->reason && status != 0 && !lost && result == OUTGOING_SENT)
        m->reason = g_strdup_printf("the destination answers %04X", status);
    g_mutex_unlock(&m->lock);
    tell(m);
    return !lost;
}

/* The next instance; G_MAXUINT: none is left. */
static guint
take_next(mover *m, const sender *s, gboolean *ret_fits)
{
    guint index = G_MAXUINT;
    g_mutex_lock(&m->lock);
    if (!m->cancelled && m->next < m->plan.list->count) {
        index = m->next;
        *ret_fits = index >= s->first && index < s->end;
        if (*ret_fits) {
            m->next++;
            m->sending++;
        }
    }
    g_mutex_unlock(&m->lock);
    return index;
}

static void start_senders(mover *m);

static gpointer
run_sender(gpointer data)
{
    sender *s = data;
    mover *m = s->m;
    dcm_association *a = NULL;
    guint index, losses = 0;
    gboolean fits = FALSE;
    while (losses < LOSSES_LIMIT && (index = take_next(m, s, &fits)) != G_MAXUINT) {
        g_autoptr(GError) error = NULL;
        if (!fits) {
            if (a)
                dcm_association_release(a);
            g_clear_pointer(&a, dcm_association_free);
            a = connect_for(s, index, &error);
            if (a && s == m->senders)
                start_senders(m);
        } else if (send_one(m, a, index, &error)) {
            losses = 0;
        } else {
            losses++;
            g_clear_pointer(&a, dcm_association_free);
            s->end = 0; /* a new one is needed */
        }
        keep_reason(m, error);
        if (!a && !fits)
            break; /* it is not there, or does not want us */
    }
    if (a)
        dcm_association_release(a);
    dcm_association_free(a);
    g_mutex_lock(&m->lock);
    m->ended++;
    g_mutex_unlock(&m->lock);
    tell(m);
    return NULL;
}

/* --- the whole
 * ----------------------------------------------------------------------------------------------- */

static void
start_sender(mover *m)
{
    sender *s = &m->senders[m->started++];
    *s = (sender){.m = m, .socket = -1};
    s->thread = g_thread_new("sender", run_sender, s);
}

static void
start_senders(mover *m)
{
    guint most = MIN(m->plan.senders, MOVER_SENDERS_LIMIT);
    g_mutex_lock(&m->lock);
    while (m->started < most && m->plan.list->count - m->next > m->started * INSTANCES_A_SENDER)
        start_sender(m);
    g_mutex_unlock(&m->lock);
}

mover *
mover_new(const mover_plan *plan)
{
    mover *m = g_new0(mover, 1);
    m->plan = *plan;
    m->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_mutex_init(&m->lock);
    g_mutex_lock(&m->lock);
    start_sender(m);
    g_mutex_unlock(&m->lock);
    return m;
}

int
mover_descriptor(const mover *m)
{
    return m->event;
}

/* Under the lock: those that still wait to be accepted when nothing is left to do. */
static void
call_back(mover *m)
{
    gboolean over = (m->cancelled || m->next >= m->plan.list->count) && m->sending == 0;
    for (guint i = 0; over && i < m->started; i++)
        if (m->senders[i].connecting && m->senders[i].socket >= 0)
            shutdown(m->senders[i].socket, SHUT_RDWR);
}

gboolean
mover_progress(mover *m, dcm_counters *ret_counters)
{
    guint64 seen;
    ssize_t n = read(m->event, &seen, sizeof seen);
    (void)n;
    g_mutex_lock(&m->lock);
    *ret_counters = m->plan.list->counters;
    call_back(m);
    gboolean done = m->ended == m->started;
    g_mutex_unlock(&m->lock);
    return done;
}

void
mover_cancel(mover *m)
{
    g_mutex_lock(&m->lock);
    m->cancelled = TRUE;
    call_back(m);
    g_mutex_unlock(&m->lock);
}

char *
mover_finish(mover *m)
{
    for (guint i = 0; i < m->started; i++)
        g_thread_join(m->senders[i].thread);
    for (guint i = m->next; !m->cancelled && i < m->plan.list->count; i++)
        outgoing_count(m->plan.list, &m->plan.list->items[i], STATUS_UNABLE_TO_PERFORM);
    char *reason = m->reason;
    close(m->event);
    g_mutex_clear(&m->lock);
    g_free(m);
    return reason;
}
