/* SPDX-License-Identifier: ISC */
/* The writer of the API's client: order, shares, pauses, back-off, and its end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_api.h"

#define SLOTS 12 /* writer.c's */

/* A client with so many writes to ask for. */
struct heap {
	const char *name;
	unsigned waiting, asked, done, failed;
	struct writer *writer;
	enum write_rank rank;
	bool inside_wake, frees;
};

static struct bgpd_self self;
static struct guest guest = { &fake_host, &self };
static struct api api = { &self };
static struct writer *writer;
static struct heap status = { .name = "/status", .rank = WRITE_STATUS };
static struct heap events = { .name = "/event", .rank = WRITE_EVENT };

static bool
heap_next(void *arg, struct write *write)
{
	struct heap *h = arg;

	assert_false(h->inside_wake);
	h->asked++;
	if (h->waiting == 0)
		return false;
	h->waiting--;
	write->method = "PATCH";
	write->type = "application/merge-patch+json";
	write->path = k8s_copy(h->name);
	write->body = k8s_copy("{}");
	write->tag = h;
	return true;
}

static void
heap_done(void *arg, void *tag, const struct api_reply *reply)
{
	struct heap *h = arg;

	assert_ptr_equal(arg, tag);
	h->done++;
	if (reply->why != NULL)
		h->failed++;
	if (writer_is_retried(reply))
		h->waiting++;
	if (h->frees) {
		writer_free(writer);
		writer = NULL;
	}
}

static const struct writer_client client = { heap_next, heap_done };

static void
heap_wake(struct heap *h, unsigned count)
{
	h->waiting += count;
	h->inside_wake = true;
	writer_wake(writer, h->rank);
	h->inside_wake = false;
}

static int
setup(void **state)
{
	(void)state;
	writer = writer_new(&guest, &api);
	status = (struct heap){ .name = "/status", .rank = WRITE_STATUS };
	events = (struct heap){ .name = "/event", .rank = WRITE_EVENT };
	writer_serve(writer, WRITE_STATUS, &client, &status);
	writer_serve(writer, WRITE_EVENT, &client, &events);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	writer_free(writer);
	assert_true(LIST_EMPTY(&fake_timers));
	assert_int_equal(fake_under_way(), 0);
	fake_forget();
	return 0;
}

static unsigned
under_way(const char *path)
{
	struct api_call *call;
	unsigned n = 0;

	TAILQ_FOREACH (call, &fake_calls, link)
		n += strcmp(call->request.path, path) == 0;
	return n;
}

static void
answer_all(int code, int64_t retry_after_ms)
{
	size_t n = fake_under_way();

	while (n-- > 0)
		fake_answer_with(
		    fake_call(), (struct api_reply){ .status = code,
				     .retry_after_ms = retry_after_ms });
}

/* Ten thousand writes: never more than the window, all done, asked no more. */
static void
test_window(void **state)
{
	unsigned most = 0;

	(void)state;
	heap_wake(&status, 10000);
	assert_int_equal(fake_call_count, 0);
	while (status.done < 10000) {
		fake_advance(0);
		most = (unsigned)fake_under_way() > most
			   ? (unsigned)fake_under_way()
			   : most;
		assert_int_equal(writer_under_way(writer), fake_under_way());
		answer_all(200, -1);
	}
	fake_advance(100);
	assert_int_equal(most, SLOTS);
	assert_int_equal(status.asked, 10001);
	assert_int_equal(writer_counts(writer, WRITE_STATUS)->written, 10000);
	assert_int_equal(writer_under_way(writer), 0);
}

/* Each request has a deadline, its body, and no interest in the answer's. */
static void
test_request(void **state)
{
	(void)state;
	heap_wake(&status, 1);
	fake_advance(0);
	assert_int_equal(fake_call()->request.timeout_ms, 10000);
	assert_int_equal(fake_call()->request.keep_max, 0);
	assert_string_equal(fake_call()->request.body, "{}");
	assert_string_equal(fake_call()->request.method, "PATCH");
	answer_all(409, -1);
	assert_int_equal(writer_counts(writer, WRITE_STATUS)->failed, 1);
	assert_int_equal(status.failed, 1);
	heap_wake(&status, 1);
	fake_advance(0);
	assert_int_equal(fake_under_way(), 1); /* 409 does not pause */
	answer_all(200, -1);
}

/* Events alone get half; with status waiting a twelfth, and never nothing. */
static void
test_shares(void **state)
{
	unsigned i;

	(void)state;
	heap_wake(&events, 1000);
	fake_advance(0);
	assert_int_equal(under_way("/event"), SLOTS / 2);
	heap_wake(&status, 1000);
	fake_advance(0);
	assert_int_equal(under_way("/status"), SLOTS / 2);
	for (i = 0; i < 20; i++) {
		answer_all(200, -1);
		fake_advance(0);
		assert_in_range(under_way("/event"), 1, 2);
		assert_int_equal(fake_under_way(), SLOTS);
	}
	assert_in_range(status.done, 20 * SLOTS * 3 / 4, 20 * SLOTS * 19 / 20);
	assert_in_range(events.done, 20 * SLOTS / 20, 20 * SLOTS / 6);
	status.waiting = events.waiting = 0;
	answer_all(200, -1);
}

/* Refused again and again, one place is left; successes widen it. */
static void
test_narrow(void **state)
{
	unsigned i;

	(void)state;
	heap_wake(&status, 1000);
	heap_wake(&events, 1000);
	for (i = 0; i < 6; i++) {
		fake_advance(2000);
		answer_all(429, 1000);
	}
	fake_advance(2000);
	assert_int_equal(fake_under_way(), 1);
	for (i = 0; i < 400; i++) {
		fake_answer(fake_call(), 200, NULL);
		fake_advance(0);
		if (fake_under_way() > 1)
			break;
	}
	assert_true(i < 3); /* it grows again */
	status.waiting = events.waiting = 0;
	answer_all(200, -1);
}

/* Retry-After is heard, for its rank alone; a burst of 429s halves once. */
static void
test_retry_after(void **state)
{
	int64_t from_ms;
	int rounds = 0;

	(void)state;
	heap_wake(&status, 1000);
	fake_advance(0);
	from_ms = fake_ms;
	answer_all(429, 2000);
	assert_int_equal(status.done, SLOTS);
	assert_int_equal(writer_counts(writer, WRITE_STATUS)->retried, SLOTS);
	heap_wake(&events, 1);
	fake_advance(0);
	assert_int_equal(under_way("/event"), 1);
	answer_all(200, -1);
	fake_advance(1990);
	assert_int_equal(fake_under_way(), 0);
	while (fake_under_way() == 0 && fake_ms - from_ms < 5000)
		fake_advance(1);
	assert_in_range(fake_ms - from_ms, 2000, 2700);
	assert_int_equal(fake_under_way(), SLOTS / 2);
	/* Each round of successes allows one more. */
	while (fake_under_way() < SLOTS) {
		answer_all(200, -1);
		fake_advance(0);
		rounds++;
	}
	assert_in_range(rounds, SLOTS / 2, SLOTS / 2 + 1);
	status.waiting = 0;
	answer_all(200, -1);
}

/* Absurd waits are cut. */
static void
test_retry_after_absurd(void **state)
{
	(void)state;
	heap_wake(&status, 1);
	fake_advance(0);
	answer_all(503, INT64_MAX);
	fake_advance(76000);
	assert_int_equal(fake_under_way(), 1);
	answer_all(200, -1);
}

/* No answer: exponential, one probe at a time, from the start after success. */
static void
test_backoff(void **state)
{
	int64_t from_ms, waited_ms, cap_ms = 100, sum_ms = 0;
	int i;

	(void)state;
	heap_wake(&status, 1000);
	fake_advance(0);
	for (i = 0; i < 40; i++) {
		assert_int_equal(fake_under_way(), i == 0 ? SLOTS : 1);
		from_ms = fake_ms;
		answer_all(i % 2 == 0 ? 0 : 500, -1);
		while (fake_under_way() == 0) {
			fake_advance(1);
			assert_in_range(fake_ms - from_ms, 0, cap_ms + 1);
		}
		waited_ms = fake_ms - from_ms;
		sum_ms += waited_ms;
		cap_ms = cap_ms * 2 > 30000 ? 30000 : cap_ms * 2;
	}
	/* 31 of them uniform in 0..30 s. */
	assert_in_range(sum_ms, 200000, 750000);
	answer_all(200, -1);
	fake_advance(0);
	assert_int_equal(fake_under_way(), SLOTS);
	from_ms = fake_ms;
	answer_all(0, -1);
	while (fake_under_way() == 0)
		fake_advance(1);
	assert_in_range(fake_ms - from_ms, 0, 101);
	status.waiting = 0;
	answer_all(200, -1);
}

/* A rank that pauses while the other's window is full does not spin. */
static void
test_no_spin(void **state)
{
	(void)state;
	heap_wake(&events, 100);
	fake_advance(0);
	answer_all(429, 5000);
	heap_wake(&status, 100);
	fake_advance(10);
	assert_int_equal(under_way("/status"), SLOTS / 2);
	fake_advance(10000); /* fake_settle fails a loop without rest */
	status.waiting = events.waiting = 0;
	answer_all(200, -1);
	fake_advance(0);
	answer_all(200, -1);
}

/* Freed in `done`, and with calls under way. */
static void
test_ending(void **state)
{
	(void)state;
	heap_wake(&status, 100);
	fake_advance(0);
	status.frees = true;
	fake_answer(fake_call(), 200, NULL);
	assert_null(writer);
	assert_int_equal(fake_cancel_count, SLOTS - 1);
	assert_int_equal(status.done, 1);
}

/* A client that goes takes what is under way with it. */
static void
test_serve(void **state)
{
	(void)state;
	heap_wake(&status, 100);
	heap_wake(&events, 100);
	fake_advance(0);
	writer_serve(writer, WRITE_EVENT, NULL, NULL);
	assert_int_equal(under_way("/event"), 0);
	assert_true(under_way("/status") > 0);
	writer_wake(writer, WRITE_EVENT);
	fake_advance(10);
	assert_int_equal(under_way("/status"), SLOTS);
	assert_int_equal(events.done, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_window),
		TEST(test_request),
		TEST(test_shares),
		TEST(test_narrow),
		TEST(test_retry_after),
		TEST(test_retry_after_absurd),
		TEST(test_backoff),
		TEST(test_no_spin),
		TEST(test_ending),
		TEST(test_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
