/* SPDX-License-Identifier: ISC */
/* Who we are in a Lease: the same after a restart, and nobody else beside us. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../plugins/k8s/cluster.h"
#include "fake_api.h"

static char directory[64], path[96];
static struct bgpd_self self;
static struct guest guest = { &fake_host, &self };

static int
setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test_k8s_identity.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/k8s.state.identity", directory);
	fake_forget();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
	return 0;
}

/* Opened and closed: who it was; to be freed. */
static char *
was(const char *node)
{
	struct identity *id = identity_open(&guest, path, node);
	char *text = k8s_copy(identity_text(id));

	identity_close(id);
	return text;
}

static void
assert_anew(bool anew, const char *before)
{
	char *text = was("prod-01");

	if ((strcmp(text, before) != 0) != anew)
		fail_msg("%s, and before %s", text, before);
	free(text);
}

static void
test_restart(void **state)
{
	char *first = was("prod-01"), *node;
	struct stat st;

	(void)state;
	assert_true(strncmp(first, "prod-01_", 8) == 0);
	assert_int_equal(strlen(first), 8 + 32);
	assert_anew(false, first);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(fake_log, "");
	/* For people it is the node. */
	node = identity_node(first);
	assert_string_equal(node, "prod-01");
	free(node);
	node = identity_node("some_body");
	assert_string_equal(node, "some_body");
	free(node);
	assert_null(identity_node(NULL));
	free(first);
}

/* The process before lives, whatever is its name: we are another one. */
static void
test_in_use(void **state)
{
	struct identity *id = identity_open(&guest, path, "prod-01");

	(void)state;
	assert_anew(true, identity_text(id));
	assert_non_null(strstr(fake_log, "in use by another process"));
	assert_anew(true, identity_text(id));
	identity_close(id);
}

/* Cut off at any byte, of another boot (a clone of the disk), not ours at all. */
static void
test_not_ours(void **state)
{
	char *first = was("prod-01"), line[200];
	int fd = open(path, O_RDWR);
	ssize_t n = read(fd, line, sizeof(line)), len;

	(void)state;
	assert_true(n > 33);
	for (len = 0; len < n; len++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, line, (size_t)len, 0), len);
		assert_anew(true, first);
	}
	assert_int_equal(pwrite(fd, line, (size_t)n, 0), n);
	assert_anew(false, first);
	line[0] = line[0] == 'a' ? 'b' : 'a';
	assert_int_equal(pwrite(fd, line, (size_t)n, 0), n);
	assert_anew(true, first);
	assert_int_equal(ftruncate(fd, 4000), 0);
	assert_anew(true, first);
	close(fd);
	free(first);
}

static void
test_no_file(void **state)
{
	struct identity *id;

	(void)state;
	id = identity_open(&guest, "/proc/none/identity", "prod-01");
	assert_anew(true, identity_text(id));
	assert_non_null(strstr(fake_log, "has to run out"));
	identity_close(id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_restart),
		TEST(test_in_use),
		TEST(test_not_ours),
		TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
