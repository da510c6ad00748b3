/* SPDX-License-Identifier: ISC */
/* Old configuration to new: one candidate of all layers, then the smallest change. */

/*
 * What flows in: the file, lines of a shell, lines of plugins. Each becomes a
 * layer; a candidate is the file's layer with the plugins' merged on top, where
 * the file stands when both say the same neighbor. A candidate with any fault is
 * dropped and nothing has changed. One that passes is handed to the floors, which
 * compare it with what they run.
 *
 * A plugin may set its layer while it is being configured: the change is then
 * taken when the one under way is done.
 */

#include <bsd/sys/queue.h>
#include <stdlib.h>
#include <string.h>

#include "announce/announce.h"
#include "bfd/bfd.h"
#include "cli/read.h"
#include "config.h"
#include "host.h"
#include "net/net.h"
#include "peer/peer.h"
#include "policy/policy.h"
#include "rib/rib.h"
#include "util/log.h"
#include "util/mem.h"
#include "web/web.h"

#define FILE_LIMIT (64u << 20)

/* A plugin's lines. */
struct layer {
	LIST_ENTRY(layer) entry;
	char *owner;
	char *lines;
	struct cli_tree *tree;
	char *lost; /* what lost against the file, as it was said last */
};

static struct {
	struct cli *cli;
	char *path;
	struct cli_tree *file; /* the file's layer */
	struct cli_tree *tree; /* all layers, as running */
	struct policy *policy;
	LIST_HEAD(, layer) layers;
	struct bfd *bfd;
	struct rib *rib;
	struct peers *peers;
	struct announce *announce;
	struct web *web;
	bool is_running;
	bool is_applying;
	bool is_stale; /* a layer changed while a tree was being applied */
} house;

void
config_init(void)
{
	struct text why = { 0 };
	unsigned i, j;

	LIST_INIT(&house.layers);
	house.cli = cli_new(NULL, 0);
	for (i = 0; i < config_mount_lists; i++) {
		for (j = 0; j < *config_mount_counts[i]; j++) {
			if (cli_mount(house.cli, &config_mounts[i][j], &why))
				fatal("language: %s", text_str(&why));
		}
	}
}

static void
layer_free(struct layer *layer)
{
	LIST_REMOVE(layer, entry);
	cli_tree_free(layer->tree);
	mem_free(layer->owner);
	mem_free(layer->lines);
	mem_free(layer->lost);
	mem_free(layer);
}

void
config_free(void)
{
	struct layer *layer;

	house.is_running = false;
	while ((layer = LIST_FIRST(&house.layers)) != NULL)
		layer_free(layer);
	policy_bind_shows(NULL);
	if (house.policy != NULL)
		policy_unref(house.policy);
	if (house.tree != NULL)
		cli_tree_free(house.tree);
	if (house.file != NULL)
		cli_tree_free(house.file);
	cli_free(house.cli);
	mem_free(house.path);
	memset(&house, 0, sizeof(house));
}

struct cli *
config_cli(void)
{
	return house.cli;
}

const struct cli_tree *
config_file_tree(void)
{
	return house.file;
}

const struct cli_tree *
config_tree(void)
{
	return house.tree;
}

const char *
config_hostname(void)
{
	return settings_hostname();
}

/* candidates ----------------------------------------------------------------- */

static void
faults_tell(const struct cli_fault_list *faults,
    void (*on_fault)(void *, unsigned, const char *), void *arg)
{
	unsigned i;

	for (i = 0; on_fault != NULL && i < faults->count; i++)
		on_fault(arg, faults->items[i].line, faults->items[i].text);
}

static void
lost_log(void *owner, unsigned line, const char *text)
{
	(void)line;
	log_warning("config", "of plugin %s: %s", (const char *)owner, text);
}

/* Where both say the same, the file stands: said once, when it begins. */
static void
layer_merge(struct cli_tree *tree, struct layer *layer)
{
	struct cli_fault_list lost = { 0 };
	struct text text = { 0 };

	cli_tree_merge(tree, layer->tree, layer->owner, &lost);
	cli_faults_print(&lost, &text);
	if (strcmp(layer->lost, text_str(&text)) != 0) {
		faults_tell(&lost, lost_log, layer->owner);
		mem_free(layer->lost);
		layer->lost = mem_string(text_str(&text));
	}
	text_free(&text);
	cli_faults_clear(&lost);
}

/* All layers on top of this file's, which may be that itself; NULL with faults. */
static struct cli_tree *
candidate_new(struct cli_tree *file, struct cli_fault_list *faults)
{
	struct cli_tree *tree = LIST_EMPTY(&house.layers)
				    ? cli_tree_ref(file)
				    : cli_tree_clone(file);
	struct layer *layer;
	unsigned errors = faults->errors;

	LIST_FOREACH (layer, &house.layers, entry)
		layer_merge(tree, layer);
	origin_check(tree, faults);
	plugins_check(tree, faults);
	if (cli_check(tree, faults) == 0 && faults->errors == errors)
		return tree;
	cli_tree_free(tree);
	return NULL;
}

/* Reads a whole file text into a new layer; NULL with faults. */
static struct cli_tree *
file_read(const char *path, struct cli_fault_list *faults)
{
	struct text why = { 0 };
	struct cli_tree *tree = NULL;
	size_t len;
	char *data = process_read_file(path, FILE_LIMIT, &len, &why);

	if (data == NULL) {
		cli_fault(faults, path, 0, "%s", text_str(&why));
		text_free(&why);
		return NULL;
	}
	plugins_load_for(path, data, faults);
	tree = cli_tree_new(house.cli);
	if (cli_read(tree, path, data, len, faults) == -1 ||
	    faults->errors > 0) {
		/* What a candidate would be asked, so that all is told at once. */
		origin_check(tree, faults);
		plugins_check(tree, faults);
		cli_tree_free(tree);
		tree = NULL;
	}
	mem_free(data);
	return tree;
}

/* applying --------------------------------------------------------------------- */

/*
 * Hands a checked tree to the floors. Policies and profiles first, for peers;
 * plugins last, because they answer with layers of their own.
 */
static void
tree_apply(struct cli_tree *tree)
{
	struct cli_tree *old = house.tree;
	struct cli_node *root = cli_tree_root(tree);
	struct policy *policy = policy_new(root), *old_policy = house.policy;

	house.tree = tree;
	house.policy = policy;
	policy_bind_shows(policy);
	settings_apply(root);
	bfd_configure(house.bfd, tree);
	peers_set_hostname(house.peers, settings_hostname());
	peers_configure(house.peers, tree, policy);
	origin_apply(tree, policy, house.rib, house.announce, house.peers);
	web_configure(house.web, tree);
	plugins_configure(old, tree);
	if (old_policy != NULL)
		policy_unref(old_policy);
	if (old != NULL)
		cli_tree_free(old);
}

/* Layers that changed meanwhile: made anew until all is quiet. */
static void
layers_settle(void)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree;
	unsigned rounds = 8;

	while (house.is_stale && rounds-- > 0) {
		house.is_stale = false;
		tree = candidate_new(house.file, &faults);
		if (tree != NULL)
			tree_apply(tree);
	}
	cli_faults_clear(&faults);
}

static void
tree_take(struct cli_tree *tree)
{
	house.is_applying = true;
	tree_apply(tree);
	layers_settle();
	house.is_applying = false;
}

/* A new file's layer: all or nothing. Takes `file` in either case. */
static int
file_take(struct cli_tree *file, struct cli_fault_list *faults)
{
	struct cli_tree *tree = candidate_new(file, faults), *old = house.file;

	if (tree == NULL) {
		cli_tree_free(file);
		return -1;
	}
	house.file = file;
	if (house.is_running) {
		tree_take(tree);
	} else {
		if (house.tree != NULL)
			cli_tree_free(house.tree);
		house.tree = tree;
	}
	if (old != NULL)
		cli_tree_free(old);
	return 0;
}

int
config_open(const char *path, struct cli_fault_list *faults)
{
	struct cli_tree *file;

	house.path = mem_string(path);
	file = file_read(path, faults);
	return file != NULL ? file_take(file, faults) : -1;
}

void
config_start_log(void)
{
	settings_apply(cli_tree_root(house.tree));
}

void
config_run(struct loop *loop, struct bfd *bfd, struct rib *rib,
    struct peers *peers, struct announce *announce, struct web *web)
{
	struct cli_tree *tree = house.tree;

	house.bfd = bfd;
	house.rib = rib;
	house.peers = peers;
	house.announce = announce;
	house.web = web;
	house.is_running = true;
	house.tree = NULL;
	plugins_open(loop, bfd, announce, peers);
	tree_take(tree);
}

static void
faults_log(const struct cli_fault_list *faults)
{
	unsigned i;

	for (i = 0; i < faults->count; i++) {
		const struct cli_fault *f = &faults->items[i];
		(f->warning ? log_warning : log_error)("config", "%s:%u: %s",
		    f->file != NULL ? f->file : "shell", f->line, f->text);
	}
}

int
config_reload(void)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *file = file_read(house.path, &faults);
	int status = file != NULL ? file_take(file, &faults) : -1;

	faults_log(&faults);
	if (status == 0)
		log_notice("config", "%s read again", house.path);
	else
		log_error(
		    "config", "%s has faults: nothing was changed", house.path);
	cli_faults_clear(&faults);
	return status;
}

/* the shell ---------------------------------------------------------------------- */

/* Who owns what a `no` line did not find in the file's layer; NULL: nobody. */
static const char *
owner_of_line(const struct cli_place *place, const char *line)
{
	struct cli_fault_list faults = { 0 };
	struct cli_place there;
	struct cli_tree *copy;
	struct layer *layer;
	struct text lines = { 0 };
	const char *owner = NULL;

	cli_place_print(place, &lines);
	LIST_FOREACH (layer, &house.layers, entry) {
		copy = cli_tree_clone(layer->tree);
		memset(&there, 0, sizeof(there));
		cli_place_find(copy, text_str(&lines), &there);
		if (cli_edit(copy, &there, line, &faults) == 0 &&
		    !cli_equal(cli_tree_root(copy), cli_tree_root(layer->tree)))
			owner = layer->owner;
		cli_tree_free(copy);
		cli_faults_clear(&faults);
		if (owner != NULL)
			break;
	}
	text_free(&lines);
	return owner;
}

static void
edit_failed(const struct cli_place *place, const char *line,
    struct cli_fault_list *faults)
{
	const char *owner = NULL;

	while (*line == ' ')
		line++;
	if (strncmp(line, "no ", 3) == 0)
		owner = owner_of_line(place, line);
	if (owner == NULL)
		return;
	cli_faults_clear(faults);
	cli_fault(faults, NULL, 0,
	    "this line is plugin %s's: change what it "
	    "reads, or `no plugin %s`",
	    owner, owner);
}

/* A line that only moves between modes changes no lines. */
static int
edit_take(struct cli_place *place, struct cli_tree *file,
    struct cli_fault_list *faults)
{
	struct cli_place before = *place;

	if (cli_equal(cli_tree_root(file), cli_tree_root(house.file))) {
		cli_place_move(place, house.file);
		if (place->depth >= before.depth) {
			cli_tree_free(file);
			return 0;
		}
		*place = before;
	}
	return file_take(file, faults);
}

int
config_edit(
    struct cli_place *place, const char *line, struct cli_fault_list *faults)
{
	struct cli_place before = *place, there = *place;
	struct cli_tree *file;

	plugins_load_for(NULL, line, faults);
	if (faults->errors > 0)
		return -1;
	file = cli_tree_clone(house.file);
	cli_place_move(&there, file);
	if (cli_edit(file, &there, line, faults) == -1) {
		cli_tree_free(file);
		edit_failed(&before, line, faults);
		return -1;
	}
	if (edit_take(&there, file, faults) == -1)
		return -1;
	*place = there;
	return 0;
}

void
config_print_file(struct text *out)
{
	cli_tree_print(house.file, 0, out);
}

void
config_print(struct text *out)
{
	cli_tree_print(house.tree, CLI_MASK, out);
}

int
config_write(struct text *why)
{
	struct text out = { 0 };
	int status;

	config_print_file(&out);
	status =
	    process_write_file(house.path, 0600, text_str(&out), out.len, why);
	text_free(&out);
	if (status == 0)
		log_notice("config", "%s written", house.path);
	return status;
}

/* layers of plugins ---------------------------------------------------------------- */

static struct layer *
layer_find(const char *owner)
{
	struct layer *layer;

	LIST_FOREACH (layer, &house.layers, entry) {
		if (strcmp(layer->owner, owner) == 0)
			return layer;
	}
	return NULL;
}

/* Takes the tree, in place of the owner's last one; NULL: none any more. */
static void
layer_set(const char *owner, const char *lines, struct cli_tree *tree,
    const char *lost)
{
	struct layer *layer = layer_find(owner);

	if (layer != NULL)
		layer_free(layer);
	if (tree == NULL)
		return;
	layer = mem_alloc(sizeof(*layer));
	layer->owner = mem_string(owner);
	layer->lines = mem_string(lines);
	layer->lost = mem_string(lost);
	layer->tree = tree;
	LIST_INSERT_HEAD(&house.layers, layer, entry);
}

static void
layers_changed(void)
{
	struct cli_fault_list faults = { 0 };
	struct cli_tree *tree;

	if (!house.is_running)
		return;
	if (house.is_applying) {
		house.is_stale = true;
		return;
	}
	tree = candidate_new(house.file, &faults);
	if (tree != NULL)
		tree_take(tree);
	else
		faults_log(&faults);
	cli_faults_clear(&faults);
}

/* What of the layer loses against the file (`lost`), and what checks say. */
static int
layer_try(struct cli_tree *layer, const char *owner,
    struct cli_fault_list *faults, struct text *lost)
{
	struct cli_tree *tree = cli_tree_clone(house.file);
	int status;

	cli_tree_merge(tree, layer, owner, faults);
	cli_faults_print(faults, lost);
	status = cli_check(tree, faults);
	cli_tree_free(tree);
	return status;
}

static int
layer_read(const char *owner, const char *lines, struct cli_fault_list *faults)
{
	struct cli_tree *tree = cli_tree_new(house.cli);
	struct text lost = { 0 };
	int status = cli_read(tree, owner, lines, strlen(lines), faults);

	if (status == 0)
		status = layer_try(tree, owner, faults, &lost);
	if (status == 0)
		layer_set(owner, lines, tree, text_str(&lost));
	else
		cli_tree_free(tree);
	text_free(&lost);
	return status;
}

int
config_overlay(const char *owner, const char *lines,
    void (*on_fault)(void *arg, unsigned line, const char *text), void *arg)
{
	struct layer *layer = layer_find(owner);
	struct cli_fault_list faults = { 0 };
	int status = 0;

	if (layer != NULL ? strcmp(layer->lines, lines) == 0 : *lines == '\0')
		return 0;
	if (*lines == '\0')
		layer_set(owner, NULL, NULL, NULL);
	else
		status = layer_read(owner, lines, &faults);
	if (status == 0)
		layers_changed();
	faults_tell(&faults, on_fault, arg);
	cli_faults_clear(&faults);
	return status;
}
