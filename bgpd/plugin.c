/* SPDX-License-Identifier: ISC */
/* Guests: found, asked for their version, started, configured, stopped. */

/*
 * A `plugin NAME` block loads NAME.so when its line is read, because only then
 * its rows are known. It starts when the whole configuration has been taken, and
 * stops when the block goes. A plugin once loaded keeps its rows in the language:
 * a tree may hold lines of it while it is not running.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "config.h"
#include "host.h"
#include "util/log.h"
#include "util/mem.h"

#define DIRECTORIES_MAX 16
#define FAULTS_MAX	20 /* of a block */

static LIST_HEAD(, bgpd_self) guests = LIST_HEAD_INITIALIZER(guests);
static const char *directories[DIRECTORIES_MAX];
static unsigned directory_count;
static bool is_open;

void
plugins_add_directory(const char *directory)
{
	if (directory_count < DIRECTORIES_MAX)
		directories[directory_count++] = directory;
	else
		log_warning("plugin",
		    "only %d directories with -L: %s is not "
		    "searched",
		    DIRECTORIES_MAX, directory);
}

static struct bgpd_self *
guest_find(const char *name)
{
	struct bgpd_self *self;

	LIST_FOREACH (self, &guests, entry) {
		if (strcmp(self->name, name) == 0)
			return self;
	}
	return NULL;
}

struct bgpd_self *
plugins_next(struct bgpd_self *last)
{
	return last == NULL ? LIST_FIRST(&guests) : LIST_NEXT(last, entry);
}

/* loading -------------------------------------------------------------------- */

/* A plugin's name is a file's name: nothing that leads out of the directory. */
static bool
name_is_plain(const char *name)
{
	return name[0] != '\0' && strlen(name) < 64 &&
	       strspn(name,
		   "abcdefghijklmnopqrstuvwxyz"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(name);
}

/* The first file NAME.so on the way; a built tree keeps it in .libs. */
static char *
path_find(const char *name)
{
	static const char *const forms[] = { "%s/%s.so", "%s/.libs/%s.so",
		"%s/%s/.libs/%s.so" };
	struct text path = { 0 };
	unsigned i, j;

	for (i = 0; i <= directory_count; i++) {
		const char *directory =
		    i < directory_count ? directories[i] : FAIRWAY_PLUGINDIR;
		for (j = 0; j < 3; j++) {
			text_clear(&path);
			if (j == 2)
				text_add(
				    &path, forms[2], directory, name, name);
			else
				text_add(&path, j ? forms[1] : forms[0],
				    directory, name);
			if (access(text_str(&path), R_OK) == 0)
				return path.s;
		}
	}
	text_free(&path);
	return NULL;
}

static void
why_missing(const char *name, struct text *why)
{
	unsigned i;

	text_add(why, "plugin %s: no %s.so in", name, name);
	for (i = 0; i < directory_count; i++)
		text_add(why, " %s,", directories[i]);
	text_add(why, " %s: install it, or name its directory with -L",
	    FAIRWAY_PLUGINDIR);
}

/* Another major number is refused, another minor one is told. */
static int
version_check(
    const char *name, const struct bgpd_plugin *theirs, struct text *why)
{
	unsigned major = theirs->abi >> 16, minor = theirs->abi & 0xffff;

	if (major != BGPD_ABI >> 16) {
		text_add(why,
		    "plugin %s was built for plugin interface %u, "
		    "this bgpd has %u: build it against this "
		    "bgpd's plugin.h",
		    name, major, (unsigned)(BGPD_ABI >> 16));
		return -1;
	}
	if (!BGPD_HAS(theirs, struct bgpd_plugin, configure) ||
	    theirs->name == NULL || theirs->start == NULL ||
	    theirs->stop == NULL) {
		text_add(why, "plugin %s: its bgpd_plugin is incomplete", name);
		return -1;
	}
	if (strcmp(theirs->name, name) != 0) {
		text_add(why, "plugin %s: the file calls itself %s", name,
		    theirs->name);
		return -1;
	}
	if (minor != (BGPD_ABI & 0xffff))
		log_notice("plugin",
		    "%s speaks plugin interface %u.%u, this "
		    "bgpd %u.%u: what only one knows is off",
		    name, major, minor, (unsigned)(BGPD_ABI >> 16),
		    (unsigned)(BGPD_ABI & 0xffff));
	return 0;
}

/* Opens the object and takes what both sides know of its table. */
static int
guest_open(struct bgpd_self *self, struct text *why)
{
	const struct bgpd_plugin *theirs;

	self->path = path_find(self->name);
	if (self->path == NULL) {
		why_missing(self->name, why);
		return -1;
	}
	self->handle = dlopen(self->path, RTLD_NOW | RTLD_LOCAL);
	if (self->handle == NULL) {
		text_add(why, "plugin %s: %s", self->name, dlerror());
		return -1;
	}
	mem_drop_code();
	theirs = dlsym(self->handle, "bgpd_plugin");
	if (theirs == NULL) {
		text_add(why, "plugin %s: %s exports no bgpd_plugin",
		    self->name, self->path);
		return -1;
	}
	if (version_check(self->name, theirs, why) == -1)
		return -1;
	memset(&self->ops, 0, sizeof(self->ops));
	memcpy(&self->ops, theirs,
	    theirs->size < sizeof(self->ops) ? theirs->size
					     : sizeof(self->ops));
	return 0;
}

static void
guest_close(struct bgpd_self *self)
{
	memset(&self->ops, 0, sizeof(self->ops));
	if (self->handle != NULL)
		dlclose(self->handle);
	self->handle = NULL;
	mem_free(self->path);
	self->path = NULL;
}

static void
guest_free(struct bgpd_self *self)
{
	guest_close(self);
	LIST_REMOVE(self, entry);
	mem_free(self->name);
	mem_free(self);
}

int
plugin_load(const char *name, struct text *why)
{
	struct bgpd_self *self = guest_find(name);

	if (!name_is_plain(name)) {
		text_add(why,
		    "plugin \"%s\": a name has letters, digits, - "
		    "and _ only",
		    name);
		return -1;
	}
	if (self != NULL && self->handle != NULL)
		return 0;
	if (self == NULL) {
		self = mem_alloc(sizeof(*self));
		self->name = mem_string(name);
		LIST_INSERT_HEAD(&guests, self, entry);
	}
	if (guest_open(self, why) == -1)
		goto fail;
	if (self->dialect == NULL)
		self->dialect = dialect_new(self, why);
	if (self->dialect == NULL)
		goto fail;
	log_debug("plugin", "%s %s loaded from %s", name, self->ops.version,
	    self->path);
	return 0;
fail:
	if (self->dialect == NULL)
		guest_free(self);
	else
		guest_close(self);
	return -1;
}

/* sscanf measures all that follows: it is asked about these lines alone. */
static bool
is_plugin_line(const char *text)
{
	return strncmp(text + strspn(text, " \t"), "plugin", 6) == 0;
}

void
plugins_load_for(
    const char *file, const char *text, struct cli_fault_list *faults)
{
	struct text why = { 0 };
	unsigned line = 1;
	char name[80];
	int end;

	for (; text != NULL && *text != '\0'; line++) {
		end = 0;
		if (is_plugin_line(text) &&
		    sscanf(text, " plugin %79s%n", name, &end) == 1 &&
		    text + strcspn(text, "\n") >= text + end &&
		    plugin_load(name, &why) == -1) {
			cli_fault(faults, file, line, "%s", text_str(&why));
			text_clear(&why);
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	text_free(&why);
}

/* running --------------------------------------------------------------------- */

static int
guest_start(struct bgpd_self *self)
{
	self->life++;
	self->is_running = true;
	if (self->ops.start(&host_table, self, &self->arg) == -1) {
		self->is_running = false;
		self->arg = NULL;
		host_release(self);
		log_error("plugin", "%s did not start", self->name);
		return -1;
	}
	log_info("plugin", "%s %s started", self->name, self->ops.version);
	return 0;
}

static void
guest_stop(struct bgpd_self *self)
{
	if (!self->is_running)
		return;
	host_release_backend(self);
	self->ops.stop(self->arg);
	self->is_running = false;
	self->arg = NULL;
	host_release(self);
	leave_end(self);
	log_info("plugin", "%s stopped", self->name);
}

static void
guest_configure(struct bgpd_self *self, const struct cli_node *block)
{
	struct bgpd_line *lines;
	uint32_t count;

	if (self->ops.configure == NULL)
		return;
	if (block == NULL) {
		self->ops.configure(self->arg, NULL, 0, sizeof(*lines));
		return;
	}
	lines = dialect_lines(block, &count);
	self->ops.configure(self->arg, lines, count, sizeof(*lines));
	dialect_release(lines, count);
}

static const struct cli_node *
guest_block(const struct bgpd_self *self, const struct cli_tree *tree)
{
	return self->dialect != NULL && tree != NULL
		   ? dialect_block(self->dialect, tree)
		   : NULL;
}

static void guest_left(struct bgpd_self *self);

/* Leaves a running one alone whose block says what it said before. */
static void
guest_settle(struct bgpd_self *self, const struct cli_tree *old,
    const struct cli_tree *tree)
{
	const struct cli_node *block = guest_block(self, tree);
	bool is_wanted = (block != NULL || self->by_hand) &&
			 !self->is_unloaded && self->handle != NULL;

	if (!is_wanted) {
		if (!leave_begin(self, guest_left))
			guest_stop(self);
		return;
	}
	/* Who leaves begins anew when it has left. */
	if (self->is_leaving || leave_is_ending())
		return;
	if (!self->is_running) {
		if (guest_start(self) == 0)
			guest_configure(self, block);
	} else if (!cli_equal(guest_block(self, old), block)) {
		guest_configure(self, block);
	}
}

/* It has handed over, or was late. */
static void
guest_left(struct bgpd_self *self)
{
	guest_stop(self);
	if (self->is_unloaded)
		guest_close(self);
	else if (is_open)
		guest_settle(self, NULL, config_tree());
}

void
plugins_configure(const struct cli_tree *old, const struct cli_tree *tree)
{
	struct bgpd_self *self;

	LIST_FOREACH (self, &guests, entry) {
		if (is_open)
			guest_settle(self, old, tree);
	}
}

/* Its first fault; the line goes behind the others. False: there is none such. */
static bool
guest_fault(struct bgpd_self *self, const struct cli_node *block,
    struct bgpd_line *lines, uint32_t count, struct cli_fault_list *faults)
{
	uint32_t bad = count;
	const char *why =
	    self->ops.check(self->arg, lines, count, sizeof(*lines), &bad);
	struct bgpd_line line;

	if (why == NULL)
		return false;
	line = lines[bad < count ? bad : 0];
	cli_fault(faults, cli_file(block),
	    bad < count && line.line > 0 ? line.line : block->line,
	    "plugin %s: %s", self->name, why);
	if (bad >= count)
		return false;
	memmove(
	    lines + bad, lines + bad + 1, (count - bad - 1) * sizeof(lines[0]));
	lines[count - 1] = line;
	return true;
}

/* Every bad line is named, but no endless list of them. */
static void
guest_check(struct bgpd_self *self, const struct cli_node *block,
    struct cli_fault_list *faults)
{
	struct bgpd_line *lines;
	uint32_t count, bad = 0;

	if (self->ops.check == NULL || block == NULL)
		return;
	lines = dialect_lines(block, &count);
	while (guest_fault(self, block, lines, count - bad, faults) &&
	       ++bad < count && bad < FAULTS_MAX)
		;
	dialect_release(lines, count);
}

void
plugins_check(const struct cli_tree *tree, struct cli_fault_list *faults)
{
	struct bgpd_self *self;

	LIST_FOREACH (self, &guests, entry)
		guest_check(self, guest_block(self, tree), faults);
}

void
plugins_open(struct loop *loop, struct bfd *bfd, struct announce *announce,
    const struct peers *peers)
{
	host_open(loop, bfd, announce);
	leave_open(loop);
	report_open(peers);
	is_open = true;
}

void
plugins_close(void)
{
	struct bgpd_self *self;

	/* First, so that a layer that goes with its plugin starts none. */
	is_open = false;
	LIST_FOREACH (self, &guests, entry) {
		guest_stop(self);
		guest_close(self);
	}
}

/* commands ----------------------------------------------------------------------- */

static const char *
guest_state(const struct bgpd_self *self)
{
	if (self->is_running)
		return "running";
	return self->handle != NULL ? "loaded" : "unloaded";
}

static void
guest_show(const struct bgpd_self *self, struct out *out)
{
	const char *version = self->ops.version, *caption = self->ops.caption;

	if (version == NULL)
		version = "-";
	if (caption == NULL)
		caption = "";
	out_print(out, "%-12s %-10s %-9s %s\n", self->name, version,
	    guest_state(self), caption);
	out_object(out, self->name);
	out_string(out, "version", version);
	out_string(out, "state", guest_state(self));
	out_string(out, "caption", caption);
	if (self->path != NULL)
		out_string(out, "path", self->path);
	out_bool(out, "source", self->source != NULL);
	out_bool(out, "backend", self->backend != NULL);
	out_close(out);
}

static int
plugins_show(struct cli_call *call)
{
	struct out *out = call_out(call);
	struct bgpd_self *self;

	out_print(out, "%-12s %-10s %-9s %s\n", "Plugin", "Version", "State",
	    "What it is for");
	out_object(out, NULL);
	LIST_FOREACH (self, &guests, entry)
		guest_show(self, out);
	out_close(out);
	return 0;
}

static int
plugin_load_run(struct cli_call *call)
{
	const char *name = call_arg(call, "NAME");
	struct text why = { 0 };
	struct bgpd_self *self;
	int status = 0;

	if (plugin_load(name, &why) == -1) {
		status = call_fail(call, "%s", text_str(&why));
	} else {
		self = guest_find(name);
		self->is_unloaded = false;
		self->by_hand = true;
		guest_settle(self, NULL, config_tree());
		if (!self->is_running)
			status = call_fail(call,
			    "plugin %s did not start: see "
			    "`show logging`",
			    name);
	}
	text_free(&why);
	return status;
}

static int
plugin_unload_run(struct cli_call *call)
{
	const char *name = call_arg(call, "NAME");
	struct bgpd_self *self = guest_find(name);

	if (self == NULL || self->handle == NULL)
		return call_fail(call,
		    "plugin %s is not loaded: see `show "
		    "plugins`",
		    name);
	self->by_hand = false;
	self->is_unloaded = true;
	/* A second time is at once. */
	if (!self->is_leaving && leave_begin(self, guest_left)) {
		out_print(call_out(call),
		    "plugin %s hands over, and is unloaded then\n", name);
		return 0;
	}
	guest_stop(self);
	guest_close(self);
	log_notice("plugin", "%s unloaded", name);
	return 0;
}

static const struct cli_row plugin_rows[] = {
	RUN("show plugins", plugins_show, "Plugins, and whether they run"),
	RUN("plugin load NAME", plugin_load_run, "Load and start NAME.so"),
	RUN("plugin unload NAME", plugin_unload_run,
	    "Stop a plugin, retract what it offered, unload it"),
	HELP("plugin", "Load or unload a plugin"),
	ROWS_END,
};

struct unknown_block {
	struct cli_node node;
	const char *name;
};

/* A block whose plugin could not be loaded: the fault is its line's already. */
static const struct cli_node_type unknown_type = {
	.name = "plugin",
	.form = CLI_MODE,
	.size = sizeof(struct unknown_block),
	.prompt = "config-plugin",
	.key_fields = 1,
};

static const struct cli_row unknown_rows[] = {
	NODE("plugin NAME",
	    CLI_FIELDS(
		CLI_FIELD("NAME", cli_word, unknown_block, name, NULL, 0, 0)),
	    unknown_type, 0, "A plugin's block: loads and runs it"),
	ROWS_END,
};

const struct cli_mount plugin_mounts[] = {
	{ NULL, plugin_rows, NULL },
	{ &cli_root, unknown_rows, NULL },
};
const unsigned plugin_mount_count = 2;
