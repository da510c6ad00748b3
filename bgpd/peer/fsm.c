/* SPDX-License-Identifier: ISC */
/* The state machine of one connection: state × event to action and next state. */

/*
 * RFC 4271 8.2.2 with RFC 6608 (errors by state) and RFC 9687 (send hold). A
 * peer has two such machines: one dials, one waits to be dialled. Optional
 * DelayOpen and IdleHold states are not used: the pause before a new start is
 * the peer's (retry.c). Events without an entry change nothing.
 */
#include <stddef.h>

#include "peer/fsm.h"

#define TO(action, state)                                                      \
	{                                                                      \
		FSM_DO_##action, FSM_##state                                   \
	}

static const struct fsm_step fsm[FSM_STATE_COUNT][FSM_EVENT_COUNT] = {
	[FSM_IDLE] = {
		[FSM_START] = TO(DIAL, CONNECT),
		[FSM_START_PASSIVE] = TO(LISTEN, ACTIVE),
	},
	[FSM_CONNECT] = {
		[FSM_STOP] = TO(CLOSE, IDLE),
		[FSM_RETRY] = TO(DIAL, CONNECT),
		[FSM_CONNECTED] = TO(OPEN, OPEN_SENT),
		[FSM_FAILED] = TO(WAIT, ACTIVE),
		[FSM_HOLD] = TO(CLOSE, IDLE),
		[FSM_KEEPALIVE_DUE] = TO(CLOSE, IDLE),
		[FSM_COLLISION] = TO(CLOSE, IDLE),
		[FSM_BAD_HEADER] = TO(CLOSE, IDLE),
		[FSM_BAD_OPEN] = TO(CLOSE, IDLE),
		[FSM_BAD_UPDATE] = TO(CLOSE, IDLE),
		[FSM_BAD_REFRESH] = TO(CLOSE, IDLE),
		[FSM_GOT_OPEN] = TO(CLOSE, IDLE),
		[FSM_GOT_NOTIFICATION] = TO(CLOSE, IDLE),
		[FSM_GOT_KEEPALIVE] = TO(CLOSE, IDLE),
		[FSM_GOT_UPDATE] = TO(CLOSE, IDLE),
		[FSM_GOT_REFRESH] = TO(CLOSE, IDLE),
	},
	[FSM_ACTIVE] = {
		[FSM_STOP] = TO(CLOSE, IDLE),
		[FSM_RETRY] = TO(DIAL, CONNECT),
		[FSM_CONNECTED] = TO(OPEN, OPEN_SENT),
		[FSM_FAILED] = TO(CLOSE, IDLE),
		[FSM_HOLD] = TO(CLOSE, IDLE),
		[FSM_KEEPALIVE_DUE] = TO(CLOSE, IDLE),
		[FSM_COLLISION] = TO(CLOSE, IDLE),
		[FSM_BAD_HEADER] = TO(CLOSE, IDLE),
		[FSM_BAD_OPEN] = TO(CLOSE, IDLE),
		[FSM_BAD_UPDATE] = TO(CLOSE, IDLE),
		[FSM_BAD_REFRESH] = TO(CLOSE, IDLE),
		[FSM_GOT_OPEN] = TO(CLOSE, IDLE),
		[FSM_GOT_NOTIFICATION] = TO(CLOSE, IDLE),
		[FSM_GOT_KEEPALIVE] = TO(CLOSE, IDLE),
		[FSM_GOT_UPDATE] = TO(CLOSE, IDLE),
		[FSM_GOT_REFRESH] = TO(CLOSE, IDLE),
	},
	[FSM_OPEN_SENT] = {
		[FSM_STOP] = TO(NOTIFY, IDLE),
		[FSM_RETRY] = TO(PROTEST, IDLE),
		[FSM_FAILED] = TO(WAIT, ACTIVE),
		[FSM_HOLD] = TO(NOTIFY, IDLE),
		[FSM_KEEPALIVE_DUE] = TO(PROTEST, IDLE),
		[FSM_COLLISION] = TO(NOTIFY, IDLE),
		[FSM_BAD_HEADER] = TO(NOTIFY, IDLE),
		[FSM_BAD_OPEN] = TO(NOTIFY, IDLE),
		[FSM_BAD_UPDATE] = TO(PROTEST, IDLE),
		[FSM_BAD_REFRESH] = TO(PROTEST, IDLE),
		[FSM_GOT_OPEN] = TO(CONFIRM, OPEN_CONFIRM),
		/* Not the RFC's protest: one does not answer a NOTIFICATION. */
		[FSM_GOT_NOTIFICATION] = TO(CLOSE, IDLE),
		[FSM_GOT_KEEPALIVE] = TO(PROTEST, IDLE),
		[FSM_GOT_UPDATE] = TO(PROTEST, IDLE),
		[FSM_GOT_REFRESH] = TO(PROTEST, IDLE),
	},
	[FSM_OPEN_CONFIRM] = {
		[FSM_STOP] = TO(NOTIFY, IDLE),
		[FSM_RETRY] = TO(PROTEST, IDLE),
		[FSM_FAILED] = TO(CLOSE, IDLE),
		[FSM_HOLD] = TO(NOTIFY, IDLE),
		[FSM_KEEPALIVE_DUE] = TO(SAY_KEEPALIVE, OPEN_CONFIRM),
		[FSM_COLLISION] = TO(NOTIFY, IDLE),
		[FSM_BAD_HEADER] = TO(NOTIFY, IDLE),
		[FSM_BAD_OPEN] = TO(NOTIFY, IDLE),
		[FSM_BAD_UPDATE] = TO(PROTEST, IDLE),
		[FSM_BAD_REFRESH] = TO(PROTEST, IDLE),
		[FSM_GOT_OPEN] = TO(PROTEST, IDLE),
		[FSM_GOT_NOTIFICATION] = TO(CLOSE, IDLE),
		[FSM_GOT_KEEPALIVE] = TO(UP, ESTABLISHED),
		[FSM_GOT_UPDATE] = TO(PROTEST, IDLE),
		[FSM_GOT_REFRESH] = TO(PROTEST, IDLE),
	},
	[FSM_ESTABLISHED] = {
		[FSM_STOP] = TO(NOTIFY, IDLE),
		[FSM_RETRY] = TO(PROTEST, IDLE),
		[FSM_FAILED] = TO(CLOSE, IDLE),
		[FSM_HOLD] = TO(NOTIFY, IDLE),
		[FSM_SEND_HOLD] = TO(NOTIFY, IDLE),
		[FSM_KEEPALIVE_DUE] = TO(SAY_KEEPALIVE, ESTABLISHED),
		[FSM_COLLISION] = TO(NOTIFY, IDLE),
		[FSM_BAD_HEADER] = TO(NOTIFY, IDLE),
		[FSM_BAD_OPEN] = TO(PROTEST, IDLE),
		[FSM_BAD_UPDATE] = TO(NOTIFY, IDLE),
		[FSM_BAD_REFRESH] = TO(NOTIFY, IDLE),
		[FSM_GOT_OPEN] = TO(PROTEST, IDLE),
		[FSM_GOT_NOTIFICATION] = TO(CLOSE, IDLE),
		[FSM_GOT_KEEPALIVE] = TO(HEAR, ESTABLISHED),
		[FSM_GOT_UPDATE] = TO(HEAR, ESTABLISHED),
		[FSM_GOT_REFRESH] = TO(HEAR, ESTABLISHED),
	},
};

const struct name fsm_state_names[] = {
	{ FSM_IDLE, "Idle" },
	{ FSM_CONNECT, "Connect" },
	{ FSM_ACTIVE, "Active" },
	{ FSM_OPEN_SENT, "OpenSent" },
	{ FSM_OPEN_CONFIRM, "OpenConfirm" },
	{ FSM_ESTABLISHED, "Established" },
	{ 0, NULL },
};

/* RFC 6608 3: which message came too early, or once too often. */
static const uint8_t protest_subcode[FSM_STATE_COUNT] = {
	[FSM_OPEN_SENT] = 1,
	[FSM_OPEN_CONFIRM] = 2,
	[FSM_ESTABLISHED] = 3,
};

struct fsm_step
fsm_step(enum fsm_state state, enum fsm_event event)
{
	struct fsm_step step = fsm[state][event];

	if (step.action == FSM_DO_NOTHING)
		step.next = (uint8_t)state;
	return step;
}

uint8_t
fsm_protest_subcode(enum fsm_state state)
{
	return protest_subcode[state];
}
