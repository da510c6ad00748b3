/* SPDX-License-Identifier: ISC */
/* A reflector's lists and watches: what it asks for, and what it tells. */

#include "script_api.h"

static void
test_stream(void **unused)
{
	(void)unused;
	assert_int_equal(asks(STREAM), 0);
	assert_string_equal(reflector_state(r), "listing");
	sends(EVENT("ADDED", "a", "9", "1"));
	heard_is("+ns/a=1 batch ");
	assert_false(reflector_is_synced(r));
	/* No order of versions yet; changes come before the end, too. */
	sends(EVENT("ADDED", "b", "3", "1") EVENT("MODIFIED", "a", "12", "2")
		EVENT("DELETED", "b", "13", "1"));
	heard_is("+ns/b=1 +ns/a=2 -ns/b batch ");
	sends(LIST_IS_OVER("14") EVENT("ADDED", "c", "15", "1"));
	heard_is("synced +ns/c=1 synced ");
	assert_int_equal(reflector_count(r), 2);
	assert_string_equal(reflector_state(r), "watching");
	assert_int_equal(asked, 1);
	sends(BOOKMARK("20"));
	sends("\n");
	heard_is("");
	/* Its time is over: from where it was. */
	pass(600 * 1000);
	ends();
	assert_int_equal(asks(WATCH("20")), 0);
	assert_string_equal(reflector_state(r), "watching");
	sends(EVENT("MODIFIED", "c", "22", "2"));
	heard_is("+ns/c=2 synced ");
	pass(600 * 1000);
	ends();
	assert_int_equal(asks(WATCH("22")), 0);
	assert_int_equal(logged(LOG_WARNING), 0);
	heard_is("");
}

static void
test_selector(void **unused)
{
	(void)unused;
	kind.selector = "fieldSelector=spec.type%3DLoadBalancer";
	asks("/api/v1/services?fieldSelector=spec.type%3DLoadBalancer&watch=1"
	     "&allowWatchBookmarks=true&timeoutSeconds=&sendInitialEvents=true"
	     "&resourceVersionMatch=NotOlderThan");
}

/* A server that refuses streaming lists is not asked again. */
static void
test_plain(void **unused)
{
	int status;

	(void)unused;
	for (status = 400; status <= 422; status += 22) {
		asks(STREAM);
		fails(status, "sendInitialEvents is forbidden");
		assert_int_equal(asks(LIST), 0);
		sends(PAGE("7", "t1", OBJECT("a", "1", "1")));
		ends();
		assert_int_equal(asks(LIST "&continue=t1"), 0);
		heard_is("+ns/a=1 batch ");
		sends(PAGE("7", "", OBJECT("b", "2", "1") ",{}"));
		heard_is("+ns/b=1 batch ");
		ends();
		heard_is("synced ");
		assert_int_equal(asks(WATCH("7")), 0);
		assert_int_equal(logged(LOG_WARNING), 1); /* the {} */
		sends(ERROR("410", "Expired"));
		asks(LIST);
		reflector_close(r);
		setup(NULL);
	}
}

/* One that ignores it is found out: by silence, by a plain bookmark. */
static void
test_ignored(void **unused)
{
	(void)unused;
	asks(STREAM);
	pass(9000);
	sends(EVENT("ADDED", "a", "9", "1"));
	pass(9000);
	assert_int_equal(asked, 1);
	assert_int_equal(asks(STREAM), 0);
	pass(1500);
	asks(LIST);
	assert_int_equal(asked, 2);
	sends(PAGE("9", "", OBJECT("b", "9", "1")));
	ends();
	heard_is("+ns/a=1 batch +ns/b=1 batch -ns/a synced ");
	reflector_close(r);
	setup(NULL);
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") BOOKMARK("9"));
	assert_int_equal(asks(LIST), 0);
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* Pages that grow too old: once in one piece. */
static void
test_pages_expire(void **unused)
{
	(void)unused;
	asks(STREAM);
	fails(422, "no");
	asks(LIST);
	sends(PAGE("7", "t1", OBJECT("a", "1", "1")));
	ends();
	asks(LIST "&continue=t1");
	fails(410, "the token is too old");
	assert_in_range(asks("/api/v1/services"), 100, 400);
	sends(PAGE("9", "", OBJECT("b", "2", "1")));
	ends();
	heard_is("+ns/a=1 batch +ns/b=1 batch -ns/a synced ");
	asks(WATCH("9"));
	sends(ERROR("410", "Expired"));
	asks(LIST);
	assert_int_equal(logged(LOG_WARNING), 0);
	/* Half a list is none. */
	sends("{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[");
	ends();
	asks(LIST);
	heard_is("trouble(the list broke off) ");
}

/* A list is a difference; what was known before the start is part of it. */
static void
test_difference(void **unused)
{
	(void)unused;
	reflector_know(r, "ns/b");
	reflector_know(r, "ns/old");
	assert_int_equal(reflector_count(r), 2);
	asks(STREAM);
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "3", "1"));
	heard_is("+ns/a=1 +ns/b=1 batch ");
	sends(LIST_IS_OVER("10"));
	heard_is("-ns/old synced ");
	sends(ERROR("410", "Expired"));
	assert_int_equal(cancelled, 1);
	assert_in_range(asks(STREAM), 100, 400);
	assert_true(reflector_is_synced(r));
	sends(EVENT("ADDED", "b", "3", "1") EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/b=1 +ns/c=1 synced ");
	sends(LIST_IS_OVER("13"));
	heard_is("-ns/a synced ");
	assert_int_equal(logged(LOG_WARNING), 0);
}

/* A list that breaks off drops nothing. */
static void
test_broken_list(void **unused)
{
	(void)unused;
	synced();
	sends(ERROR("410", "Gone"));
	asks(STREAM);
	sends(EVENT("ADDED", "b", "3", "1"));
	ends();
	asks(STREAM);
	sends(EVENT("ADDED", "a", "3", "1") LIST_IS_OVER("11"));
	heard_is("+ns/b=1 synced trouble(the list broke off) "
		 "+ns/a=1 -ns/b synced trouble() ");
}

static void
test_bad_objects(void **unused)
{
	(void)unused;
	synced();
	sends(
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":7}}}\n"
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a/b\"}}}\n"
	    "{\"type\":\"MOVED\",\"object\":{}}\n{\"type\":\"ADDED\"}\n"
	    "7\n[]\n{}\n" EVENT("DELETED", "never", "11", "1")
		EVENT("ADDED", "c", "12", "1"));
	heard_is("+ns/c=1 synced ");
	assert_int_equal(logged(LOG_WARNING), 1);
	assert_int_equal(asked, 1);
	sends(
	    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"node\"}}}");
	heard_is("+node synced ");
}

/* Ten thousand keys: the end of a list comes in slices. */
static void
test_sweep(void **unused)
{
	char text[256];
	int i, slices;

	(void)unused;
	asks(STREAM);
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text),
		    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{"
		    "\"name\":\"s%d\",\"namespace\":\"ns\"}}}",
		    i);
		sends(text);
		heard[0] = '\0';
	}
	sends(LIST_IS_OVER("10"));
	assert_false(reflector_is_synced(r));
	/* What changes between slices is not in their way. */
	sends(EVENT("DELETED", "s100", "11", "1") EVENT(
	    "ADDED", "s2555", "12", "1") EVENT("DELETED", "s4999", "13", "1"));
	for (slices = 0; !reflector_is_synced(r); slices++)
		turn();
	assert_in_range(slices, 2, 4);
	assert_int_equal(reflector_count(r), 4998);
	sends(ERROR("410", "Expired"));
	asks(STREAM);
	heard[0] = '\0';
	sends(EVENT("ADDED", "s7", "20", "1") LIST_IS_OVER("20"));
	assert_in_range(reflector_count(r), 2900, 3100);
	sends(EVENT("ADDED", "s8", "21", "1"));
	/* It goes on whatever became of the watch. */
	sends(ERROR("410", "Expired"));
	asks(STREAM);
	assert_int_equal(reflector_count(r), 2);
	sends(EVENT("ADDED", "s8", "21", "1") LIST_IS_OVER("20"));
	assert_int_equal(reflector_count(r), 1);
	assert_non_null(strstr(heard, "-ns/s7 "));
}

/* A new list ends it: what that has not shown yet is not gone. */
static void
test_sweep_ends(void **unused)
{
	char key[16];
	size_t count;
	int i;

	(void)unused;
	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "ns/s%d", i);
		reflector_know(r, key);
	}
	asks(STREAM);
	sends(LIST_IS_OVER("10"));
	sends(ERROR("410", "Expired"));
	/* The loop is late: the next list is due as well. */
	clock_ms += 1000;
	turn();
	asks(STREAM);
	count = reflector_count(r);
	assert_in_range(count, 1, 4000);
	for (i = 0; i < 10; i++)
		turn();
	assert_int_equal(reflector_count(r), count);
	assert_false(reflector_is_synced(r));
}

/* Closed from inside its own callbacks. */
static void
test_close(void **unused)
{
	(void)unused;
	asks(STREAM);
	close_on_object = true;
	sends(EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "9", "1"));
	heard_is("+ns/a=1 ");
	assert_null(call);
	assert_true(LIST_EMPTY(&fake_timers));
	setup(NULL);
	reflector_know(r, "x");
	reflector_know(r, "y");
	asks(STREAM);
	close_on_gone = true;
	sends(LIST_IS_OVER("10"));
	heard_is("-x ");
	assert_true(LIST_EMPTY(&fake_timers));
}

/* Every split of what a server sends, one byte here and there. */
static void
test_splits(void **unused)
{
	static const char text[] = EVENT("ADDED", "a", "9", "1")
	    LIST_IS_OVER("10") EVENT("MODIFIED", "a", "11", "\\u00e9")
		EVENT("DELETED", "a", "12", "1") BOOKMARK("13")
		    EVENT("ADDED", "b", "14", "1");
	size_t i;

	(void)unused;
	for (i = 1; i < sizeof(text) - 1; i++) {
		asks(STREAM);
		send_bytes(text, i);
		send_bytes(text + i, sizeof(text) - 1 - i);
		assert_non_null(strstr(heard, "+ns/a=1 "));
		assert_non_null(strstr(heard, "+ns/a=\xc3\xa9 "));
		assert_non_null(strstr(heard, "-ns/a "));
		ends();
		asks(PROBE("b"));
		reflector_close(r);
		setup(NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(stream),
		T(selector),
		T(plain),
		T(ignored),
		T(pages_expire),
		T(difference),
		T(broken_list),
		T(bad_objects),
		T(sweep),
		T(sweep_ends),
		T(close),
		T(splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
