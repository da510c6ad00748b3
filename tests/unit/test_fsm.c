/* SPDX-License-Identifier: ISC */
/* The whole matrix of states and events against RFC 4271 8.2.2, said another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "peer/fsm.h"

/*
 * A column per state, a row per event: the action's letter and the number of
 * the next state; ".." stays and does nothing.
 *   d dial  l listen  w wait  o OPEN  c confirm  u up  h hear  k KEEPALIVE
 *   x close  n NOTIFICATION of the event  p protest (FSM error)
 */
static const struct {
	enum fsm_event event;
	const char *says; /* Idle Connect Active OpenSent OpenConfirm Up */
} matrix[] = {
	{ FSM_START, "d1 .. .. .. .. .." },
	{ FSM_START_PASSIVE, "l2 .. .. .. .. .." },
	{ FSM_STOP, ".. x0 x0 n0 n0 n0" },
	{ FSM_RETRY, ".. d1 d1 p0 p0 p0" },
	{ FSM_HOLD, ".. x0 x0 n0 n0 n0" },
	{ FSM_KEEPALIVE_DUE, ".. x0 x0 p0 k4 k5" },
	{ FSM_SEND_HOLD, ".. .. .. .. .. n0" },
	{ FSM_CONNECTED, ".. o3 o3 .. .. .." },
	{ FSM_FAILED, ".. w2 x0 w2 x0 x0" },
	{ FSM_GOT_OPEN, ".. x0 x0 c4 p0 p0" },
	{ FSM_BAD_HEADER, ".. x0 x0 n0 n0 n0" },
	{ FSM_BAD_OPEN, ".. x0 x0 n0 n0 p0" },
	{ FSM_COLLISION, ".. x0 x0 n0 n0 n0" },
	{ FSM_GOT_NOTIFICATION, ".. x0 x0 x0 x0 x0" },
	{ FSM_GOT_KEEPALIVE, ".. x0 x0 p0 u5 h5" },
	{ FSM_GOT_UPDATE, ".. x0 x0 p0 p0 h5" },
	{ FSM_BAD_UPDATE, ".. x0 x0 p0 p0 n0" },
	{ FSM_GOT_REFRESH, ".. x0 x0 p0 p0 h5" },
	{ FSM_BAD_REFRESH, ".. x0 x0 p0 p0 n0" },
};

static const char letters[FSM_ACTION_COUNT + 1] = ".dlwocuhkxnp";

static void
test_matrix(void **state)
{
	unsigned row, s;
	const char *says;
	struct fsm_step step;

	(void)state;
	assert_int_equal(sizeof(matrix) / sizeof(matrix[0]), FSM_EVENT_COUNT);
	for (row = 0; row < FSM_EVENT_COUNT; row++) {
		assert_int_equal(matrix[row].event, row);
		assert_int_equal(strlen(matrix[row].says), 17);
		for (s = 0; s < FSM_STATE_COUNT; s++) {
			says = matrix[row].says + 3 * s;
			step = fsm_step(s, row);
			assert_true(step.action < FSM_ACTION_COUNT);
			assert_int_equal(letters[step.action], says[0]);
			assert_int_equal(
			    step.next, says[0] == '.' ? (int)s : says[1] - '0');
		}
	}
}

/* Whatever comes, in Idle and twice in a row: no state is left by surprise. */
static void
test_ends(void **state)
{
	unsigned s, e;

	(void)state;
	for (s = 0; s < FSM_STATE_COUNT; s++) {
		/* STOP ends every state in one step. */
		assert_int_equal(fsm_step(s, FSM_STOP).next, FSM_IDLE);
		/* Only KEEPALIVE in OpenConfirm leads up. */
		for (e = 0; e < FSM_EVENT_COUNT; e++)
			if (fsm_step(s, e).next == FSM_ESTABLISHED &&
			    s != FSM_ESTABLISHED)
				assert_true(s == FSM_OPEN_CONFIRM &&
					    e == FSM_GOT_KEEPALIVE);
	}
}

/* RFC 6608 4 */
static void
test_protest(void **state)
{
	(void)state;
	assert_int_equal(fsm_protest_subcode(FSM_OPEN_SENT), 1);
	assert_int_equal(fsm_protest_subcode(FSM_OPEN_CONFIRM), 2);
	assert_int_equal(fsm_protest_subcode(FSM_ESTABLISHED), 3);
	assert_int_equal(fsm_protest_subcode(FSM_IDLE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_protest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
