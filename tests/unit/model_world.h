/* SPDX-License-Identifier: ISC */
/* The world of a model: its weather, dice, clock and disk; each run is the same. */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "../../plugins/k8s/text.h"
#include "dice.h"
#include "fake_api.h"

/* What goes wrong, and what the test does. */
struct weather {
	const char *name;
	uint64_t seed;
	unsigned daemons;
	unsigned faults; /* of calls, in percent */
	bool leases;	 /* the Lease changes hands */
	bool configs;	 /* the configuration changes */
	bool restarts;
	bool foreign; /* others write statuses */
	bool mass;    /* many Services come, go and change at once */
	bool hangs;   /* watches tell nothing for a while */
};

static struct weather weather;

/* The calendar is the test's, and random bytes are. */
int64_t __wrap_stamp_now_ns(void);
void __wrap_arc4random_buf(void *to, size_t len);

void
__wrap_arc4random_buf(void *to, size_t len)
{
	memset(to, (int)roll(256), len);
}

int64_t
__wrap_stamp_now_ns(void)
{
	return fake_ms * 1000000;
}

#define model_fault(...)                                                       \
	do {                                                                   \
		print_message("%s, seed %llu, at %lld ms: ", weather.name,     \
		    (unsigned long long)weather.seed, (long long)fake_ms);     \
		print_message(__VA_ARGS__);                                    \
		fail_msg("an invariant does not hold");                        \
	} while (0)

#define model_say(...)                                                         \
	do {                                                                   \
		if (getenv("FAKE_VERBOSE") != NULL) {                          \
			fprintf(stderr, "%lld ", (long long)fake_ms);          \
			fprintf(stderr, __VA_ARGS__);                          \
		}                                                              \
	} while (0)

/* The disk ----------------------------------------------------------------------- */

/* A thread that syncs ends by the clock of the world: here it is at once. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg);
int __wrap_pthread_join(pthread_t thread, void **value);
int __wrap_fdatasync(int fd);
int __wrap_clock_gettime(clockid_t which, struct timespec *now);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg)
{
	(void)attr;
	*thread = pthread_self();
	start(arg);
	return 0;
}

int
__wrap_pthread_join(pthread_t thread, void **value)
{
	(void)thread, (void)value;
	return 0;
}

int
__wrap_fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* Reading takes its time, too. */
int
__wrap_clock_gettime(clockid_t which, struct timespec *now)
{
	(void)which;
	fake_ms += roll(4) == 0;
	now->tv_sec = fake_ms / 1000;
	now->tv_nsec = fake_ms % 1000 * 1000000;
	return 0;
}

#endif
