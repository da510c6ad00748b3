/* SPDX-License-Identifier: ISC */
/* A run of the model: it begins, time passes, it ends. */
#ifndef MODEL_RUN_H
#define MODEL_RUN_H

#include "model_daemon.h"

static void
step(int64_t ms)
{
	static void (*const turns[])(
	    void) = { daemons_turn, fake_settle, network_turn, lease_turn };
	unsigned i, first = roll(4);
	int64_t from_ms = fake_ms;

	for (i = 0; i < 4; i++)
		turns[(first + i) % 4]();
	fake_ms += ms;
	if (lease_leader() != NULL)
		server_led_ms += fake_ms - from_ms;
}

static void
wait_for(int64_t ms)
{
	int64_t until_ms = fake_ms + ms;

	while (fake_ms < until_ms)
		step(5);
}

static int
on_file(const char *path, const struct stat *st, int what, struct FTW *at)
{
	(void)st, (void)what, (void)at;
	return remove(path);
}

/* An empty server; no daemon has started. */
static void
model_begin(const struct weather *row)
{
	unsigned i;

	weather = *row;
	dice = UINT64_C(0x9e3779b97f4a7c15) * (row->seed + 1);
	fake_ms = 1000000;
	server_version = server_patches = config_now = 0;
	server_created = 1767323045;
	server_upset_ms = server_behind_ms = server_led_ms = 0;
	lease_free_ms = 0;
	memset(slots, 0, sizeof(slots));
	memset(daemons, 0, sizeof(daemons));
	memset(watches, 0, sizeof(watches));
	fake_forget();
	fake_on_cancel = network_keep;
	host_make();
	strcpy(directory, "/tmp/test_k8s_model.XXXXXX");
	assert_non_null(mkdtemp(directory));
	for (i = 0; i < DAEMONS; i++)
		TAILQ_INIT(&watches[i].news);
}

static void
model_end(void)
{
	unsigned i;

	for (i = 0; i < weather.daemons; i++)
		daemon_stop(&daemons[i]);
	for (i = 0; i < SLOTS; i++)
		free(slots[i].status);
	assert_true(LIST_EMPTY(&fake_timers));
	fake_forget();
	nftw(directory, on_file, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
