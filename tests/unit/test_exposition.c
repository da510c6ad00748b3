/* SPDX-License-Identifier: ISC */
/* Prometheus' text format: numbers, escapes, names, families in order. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/web.h"

static void
numbers(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -0.0, "0" },
		{ 1, "1" },
		{ -17, "-17" },
		{ 1000000, "1000000" },
		{ 123456789012345, "123456789012345" },
		{ 9007199254740992, "9007199254740992" },
		{ 1e17, "100000000000000000" },
		{ 18446744073709551615.0, "1.8446744073709552e+19" },
		{ 0.5, "0.5" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1719847163.25, "1719847163.25" },
		{ 1e-9, "1e-09" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ NAN, "NaN" },
	};
	struct text out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_clear(&out);
		exposition_number(&out, cases[i].value);
		assert_string_equal(text_str(&out), cases[i].text);
	}
	text_free(&out);
}

static void
labels(void **state)
{
	struct text out = { 0 };

	(void)state;
	exposition_label(&out, "a", "plain");
	exposition_label(&out, "b", "q\"b\\n\nl");
	exposition_label(&out, "c", "");
	exposition_label(&out, "d", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	/* Latin 1, a surrogate, an overlong slash, a cut one: no UTF-8. */
	exposition_label(&out, "e", "\xe4x\xed\xa0\x80\xc0\xaf\xe2\x82");
	assert_string_equal(text_str(&out),
	    "a=\"plain\",b=\"q\\\"b\\\\n\\nl\",c=\"\","
	    "d=\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\","
	    "e=\"?x???\?\?\?\?\"");
	text_free(&out);
}

static void
names(void **state)
{
	char a[] = "ok_Name:9", b[] = "9 lives-b\xe4", c[] = "k:e.y", d[] = "";

	(void)state;
	exposition_name(a, false);
	assert_string_equal(a, "ok_Name:9");
	exposition_name(b, false);
	assert_string_equal(b, "__lives_b_");
	exposition_name(c, true);
	assert_string_equal(c, "k_e_y");
	exposition_name(d, false);
	assert_string_equal(d, "");
}

static void
families(void **state)
{
	static const struct exposition_family b = { BGPD_GAUGE, "b",
		"Second, \"quoted\"\n\\" },
					      a = { BGPD_COUNTER, "a_total",
						      "First" },
					      again = { BGPD_GAUGE, "a_total",
						      "Another says it too" };
	struct exposition *e = exposition_new();
	struct text out = { 0 };
	char label[32];
	int i;

	(void)state;
	exposition_add(e, &b, "k=\"2\"", 2);
	exposition_add(e, &a, "", 1);
	exposition_add(e, &b, "k=\"1\"", 1);
	exposition_add(e, &again, "p=\"x\"", 4);
	exposition_add(e, &again, "", 5); /* is there already */
	exposition_print(e, &out);
	assert_string_equal(text_str(&out),
	    "# HELP a_total First\n"
	    "# TYPE a_total counter\n"
	    "a_total 1\n"
	    "a_total{p=\"x\"} 4\n"
	    "# HELP b Second, \"quoted\"\\n\\\\\n"
	    "# TYPE b gauge\n"
	    "b{k=\"1\"} 1\n"
	    "b{k=\"2\"} 2\n");
	exposition_free(e);

	e = exposition_new();
	for (i = 9999; i >= 0; i--) {
		snprintf(label, sizeof(label), "n=\"%04d\"", i);
		exposition_add(e, &b, label, i);
	}
	text_clear(&out);
	exposition_print(e, &out);
	assert_non_null(strstr(out.s, "b{n=\"0000\"} 0\nb{n=\"0001\"} 1\n"));
	assert_non_null(strstr(out.s, "b{n=\"9999\"} 9999\n"));
	exposition_free(e);

	e = exposition_new();
	text_clear(&out);
	exposition_print(e, &out);
	assert_int_equal(out.len, 0);
	exposition_free(e);
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(labels),
		cmocka_unit_test(names),
		cmocka_unit_test(families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
