#include "hub/base/loop.h"

struct fixture {
    loop *l;
    loop_timer *timer;
    int fired;
    gboolean worked;
};

static void
on_fire(gpointer data)
{
    struct fixture *f = data;
    if (++f->fired == 3)
        loop_timer_free(f->timer); /* inside its own callback */
}

static void
work(gpointer data)
{
    ((struct fixture *)data)->worked = TRUE;
}

static void
on_worked(gpointer data)
{
    struct fixture *f = data;
    g_assert_true(f->worked);
    g_assert_cmpint(f->fired, ==, 3);
    loop_quit(f->l, 7);
}

static void
on_later(gpointer data)
{
    loop_work(((struct fixture *)data)->l, work, on_worked, data);
}

static void
test_timers_and_work(void)
{
    struct fixture f = {.l = loop_new()};
    f.timer = loop_timer_new(f.l, on_fire, &f);
    loop_timer_start(f.timer, 1, 1);
    loop_timer *later = loop_timer_new(f.l, on_later, &f);
    loop_timer_start(later, 50, 0);
    g_assert_cmpint(loop_run(f.l), ==, 7);
    loop_timer_free(later);
    loop_free(f.l);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/timers-and-work", test_timers_and_work);
    return g_test_run();
}
