/* SPDX-License-Identifier: ISC */
/* The state machine of one connection: states, events, actions. */
#ifndef PEER_FSM_H
#define PEER_FSM_H

#include <stdint.h>

#include "util/names.h"

enum fsm_state {
	FSM_IDLE,
	FSM_CONNECT,
	FSM_ACTIVE,
	FSM_OPEN_SENT,
	FSM_OPEN_CONFIRM,
	FSM_ESTABLISHED,
	FSM_STATE_COUNT
};
extern const struct name fsm_state_names[];

enum fsm_event {
	FSM_START,	      /* RFC 4271 8.1: 1, 3 */
	FSM_START_PASSIVE,    /* 4, 5 */
	FSM_STOP,	      /* 2, 8 */
	FSM_RETRY,	      /* 9: ConnectRetryTimer */
	FSM_HOLD,	      /* 10: HoldTimer */
	FSM_KEEPALIVE_DUE,    /* 11: KeepaliveTimer */
	FSM_SEND_HOLD,	      /* RFC 9687: SendHoldTimer */
	FSM_CONNECTED,	      /* 16, 17 */
	FSM_FAILED,	      /* 18 */
	FSM_GOT_OPEN,	      /* 19 */
	FSM_BAD_HEADER,	      /* 21 */
	FSM_BAD_OPEN,	      /* 22 */
	FSM_COLLISION,	      /* 23 */
	FSM_GOT_NOTIFICATION, /* 24, 25 */
	FSM_GOT_KEEPALIVE,    /* 26 */
	FSM_GOT_UPDATE,	      /* 27 */
	FSM_BAD_UPDATE,	      /* 28 */
	FSM_GOT_REFRESH,      /* RFC 2918 */
	FSM_BAD_REFRESH,      /* RFC 7313 */
	FSM_EVENT_COUNT
};

enum fsm_action {
	FSM_DO_NOTHING, /* and stay */
	FSM_DO_DIAL,
	FSM_DO_LISTEN,
	FSM_DO_WAIT,	/* close, try again later */
	FSM_DO_OPEN,	/* connected: send OPEN */
	FSM_DO_CONFIRM, /* their OPEN is good: answer KEEPALIVE */
	FSM_DO_UP,
	FSM_DO_HEAR, /* a sign of life */
	FSM_DO_SAY_KEEPALIVE,
	FSM_DO_CLOSE,
	FSM_DO_NOTIFY,	/* send the event's NOTIFICATION, close */
	FSM_DO_PROTEST, /* Finite State Machine Error, close */
	FSM_ACTION_COUNT
};

struct fsm_step {
	uint8_t action;
	uint8_t next;
};
struct fsm_step fsm_step(enum fsm_state state, enum fsm_event event);
uint8_t fsm_protest_subcode(enum fsm_state state); /* RFC 6608 */

#endif
