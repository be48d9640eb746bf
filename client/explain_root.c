/* explain_root.c - the root of the container: its mounts, its devices, what is hidden in it, and the change
 * to it. Made from outside, in the container's namespaces, by nsenter. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/explain.h"
#include "common/fd.h"
#include "common/json.h"

static const char *text_at(struct json_object *array, size_t i)
{
	const char *text = json_object_get_string(json_object_array_get_idx(array, i));
	return text != NULL ? text : "";
}

/* ---- the options of a mount, sorted by who takes them ---- */

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

static const char *const propagations[] = { "private", "rprivate", "slave", "rslave", "shared", "rshared",
	"unbindable", "runbindable", NULL };
static const char *const defaults[] = { "bind", "rbind", "rw", "rrw", "defaults", "async", "suid", "dev",
	"exec", NULL };

struct options {
	char flags[512]; /* what mount -o takes, with commas between */
	const char *propagation;
	bool recursive, readonly;
};

static void read_options(struct json_object *mount, struct options *o)
{
	struct json_object *list = json_get(mount, "options");
	*o = (struct options) { .propagation = "private" };
	for (size_t i = 0; i < json_length(list); i++) {
		const char *option = text_at(list, i);
		size_t used = strlen(o->flags);
		if (is_one_of(option, propagations))
			o->propagation = option + (option[0] == 'r');
		else if (strcmp(option, "rbind") == 0)
			o->recursive = true;
		else if (strcmp(option, "ro") == 0 || strcmp(option, "rro") == 0)
			o->readonly = true;
		else if (strcmp(option, "rw") == 0 || strcmp(option, "rrw") == 0)
			o->readonly = false;
		if (is_one_of(option, propagations) || is_one_of(option, defaults) ||
			strcmp(option, "ro") == 0 || strcmp(option, "rro") == 0)
			continue;
		snprintf(o->flags + used, sizeof o->flags - used, "%s%s", used > 0 ? "," : "", option);
	}
}

/* ---- one mount ---- */

static const struct {
	const char *target, *why;
} purposes[] = {
	{ "/proc", "the processes of its pid namespace" },
	{ "/dev", "devices of its own" },
	{ "/dev/pts", "terminals of its own" },
	{ "/dev/shm", "shared memory (shm_open(3))" },
	{ "/dev/mqueue", "message queues of its ipc namespace" },
	{ "/sys", "with the devices of its network namespace" },
	{ "/sys/fs/cgroup", "the root of this is its cgroup namespace's" },
};

static const char *purpose(const char *target)
{
	for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
		if (strcmp(purposes[i].target, target) == 0)
			return purposes[i].why;
	return NULL;
}

/* OCI: with "bind" or "rbind" among the options the type is whatever, and nobody has checked it. */
static bool is_bind(struct json_object *mount)
{
	struct json_object *options = json_get(mount, "options");
	for (size_t i = 0; i < json_length(options); i++)
		if (strcmp(text_at(options, i), "bind") == 0 || strcmp(text_at(options, i), "rbind") == 0)
			return true;
	return strcmp(json_string(mount, "type", ""), "bind") == 0;
}

static void put_bind(FILE *out, struct json_object *mount, const struct options *o)
{
	_cleanup_free_ char *source = explain_quote(json_string(mount, "source", ""));
	_cleanup_free_ char *target = explain_quote(json_string(mount, "destination", ""));
	if (strncmp(json_string(mount, "source", ""), "container:", 10) == 0) {
		explain_line(out, NULL, "place %s", target);
		explain_line(out, "(the engine takes the other container's)",
			"mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 shm \"$at\"");
		return;
	}
	explain_line(out, "made where it is missing", "place %s %s", target, source);
	explain_line(out, o->recursive ? "with what is mounted below it" : NULL, "mount --%s %s \"$at\"",
		o->recursive ? "rbind" : "bind", source);
	explain_line(out, "who sees what is mounted later", "mount --make-r%s \"$at\"", o->propagation);
	if (o->readonly || o->flags[0] != '\0')
		explain_line(out, "and all below it", "remount \"$at\" %s%s%s", o->flags,
			o->flags[0] != '\0' && o->readonly ? "," : "", o->readonly ? "ro" : "");
	if (strcmp(o->propagation, "shared") == 0)
		explain_note(out, "(Not expressed: mounts made inside do not come out to the host.)");
}

static void put_filesystem(const struct explanation *x, struct json_object *mount, const struct options *o)
{
	FILE *out = x->out;
	const char *type = json_string(mount, "type", ""), *target = json_string(mount, "destination", "");
	_cleanup_free_ char *word = explain_quote(target),
			    *label = explain_quote(json_string(mount, "source", type));
	_cleanup_free_ char *flags = explain_quote(o->flags);
	/* Further mounts may need folders in a tmpfs: read-only comes last. */
	bool readonly = o->readonly && strcmp(type, "tmpfs") != 0;
	explain_line(out, NULL, "place %s", word);
	if (strcmp(type, "cgroup") == 0 && !explain_is_own(x, "cgroup")) {
		explain_line(out, "a new mount would set the options of the host's",
			"mount --bind \"$(findmnt --noheadings --first-only --types cgroup2 --output "
			"TARGET)\" "
			"\"$at\"");
		explain_line(out, purpose(target), "mount -o \"remount,bind,%s,%s\" \"$at\"", o->flags,
			readonly ? "ro" : "rw");
		return;
	}
	if (strcmp(type, "cgroup") == 0)
		type = "cgroup2";
	explain_line(out, purpose(target), "mount -t %s -o %s%s%s %s \"$at\"", type, readonly ? "ro" : "rw",
		o->flags[0] != '\0' ? "," : "", o->flags[0] != '\0' ? flags : "", label);
}

/* However it is written: "/dev/", "//dev", "/./dev". */
static bool is_dev(struct json_object *mount)
{
	bool found = false;
	size_t n;
	for (const char *p = json_string(mount, "destination", ""); *p != '\0'; p += n) {
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && p[0] == '.'))
			continue;
		if (found || n != 3 || strncmp(p, "dev", 3) != 0)
			return false;
		found = true;
	}
	return found;
}

/* ---- devices ---- */

static void put_devices(FILE *out)
{
	explain_line(out, "the mode below is whole", "umask 0");
	fputs("while read -r name major minor; do\n"
	      "\t[ -e \"$root/dev/$name\" ] || mknod -m 666 \"$root/dev/$name\" c \"$major\" \"$minor\"\n"
	      "done <<DEVICES\n"
	      "null 1 3\nzero 1 5\nfull 1 7\nrandom 1 8\nurandom 1 9\ntty 5 0\n"
	      "DEVICES\n"
	      "for name in stdin:0 stdout:1 stderr:2; do ln -s \"/proc/self/fd/${name#*:}\" "
	      "\"$root/dev/${name%:*}\"; done\n"
	      "ln -s /proc/self/fd \"$root/dev/fd\"\n",
		out);
	explain_line(out, "the ptmx of its own devpts", "ln -s pts/ptmx \"$root/dev/ptmx\"");
	explain_line(out, NULL, "[ ! -e \"$root/proc/kcore\" ] || ln -s /proc/kcore \"$root/dev/core\"");
	explain_line(out, "as before", "umask 0022");
}

/* What --device asks for, in shim.json: looked up when it is started. */
static void put_host_devices(FILE *out, struct json_object *devices)
{
	if (json_length(devices) == 0)
		return;
	putc('\n', out);
	fputs("device() { # DEVICE PLACE: of the host, or all in a folder, but what the container has by "
	      "itself\n"
	      "\tfind -H \"$1\" -xdev -maxdepth 9 '(' -type b -o -type c -o -type l ')' | while IFS= read -r "
	      "node; do\n"
	      "\t\tat=$root$2${node#\"$1\"}\n"
	      "\t\tif [ -b \"$node\" ] || [ -c \"$node\" ]; then :; else continue; fi\n"
	      "\t\tif [ -e \"$at\" ] || [ \"$at\" = \"$root/dev/console\" ]; then continue; fi\n"
	      "\t\tmkdir -p \"${at%/*}\"\n",
		out);
	explain_line(out, "a node with its number, mode and owner",
		"\t\tcp --archive --dereference \"$node\" \"$at\"");
	fputs("\tdone\n}\n", out);
	for (size_t i = 0; i < json_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);
		_cleanup_free_ char *path = explain_quote(json_string(d, "path", ""));
		_cleanup_free_ char *target = explain_quote(json_string(d, "target", ""));
		fprintf(out, "device %s %s\n", path, target);
	}
}

/* linux.devices of a bundle. What is there already may lie in a folder of the host's. */
static void put_bundle_device(FILE *out, struct json_object *d)
{
	_cleanup_free_ char *path = explain_quote(json_string(d, "path", ""));
	const char *type = json_string(d, "type", "c");
	bool fifo = strcmp(type, "p") == 0;
	fprintf(out, "path=%s\nplace \"${path%%/*}\"\nat=$at/${path##*/}\n", path);
	fprintf(out, "[ -e \"$at\" ] || {\n\tmknod -m %jo \"$at\" %s",
		(uintmax_t) (json_int(d, "fileMode", 0666) & 07777),
		fifo			 ? "p"
		: strcmp(type, "b") == 0 ? "b"
					 : "c");
	if (!fifo)
		fprintf(out, " %jd %jd", (intmax_t) json_int(d, "major", 0),
			(intmax_t) json_int(d, "minor", 0));
	fprintf(out, "\n\tchown %jd:%jd \"$at\"\n}\n", (intmax_t) json_int(d, "uid", 0),
		(intmax_t) json_int(d, "gid", 0));
}

/* A folder of the host's is on /dev: nothing of it is touched. */
static bool is_foreign_dev(struct json_object *mounts)
{
	for (size_t i = 0; i < json_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		if (is_bind(mount) && is_dev(mount))
			return true;
	}
	return false;
}

static void put_more_devices(const struct explanation *x)
{
	struct json_object *devices = json_get(json_get(x->config, "linux"), "devices"),
			   *of_host = json_get(x->shim, "devices");
	if (json_length(devices) + json_length(of_host) > 0 &&
		is_foreign_dev(json_get(x->config, "mounts"))) {
		explain_line(x->out, "the engine refuses it, too",
			"echo \"no device can be made: /dev is a folder of the host's\" >&2\nexit 125");
		return;
	}
	put_host_devices(x->out, of_host);
	for (size_t i = 0; i < json_length(devices); i++)
		put_bundle_device(x->out, json_object_array_get_idx(devices, i));
}

/* ---- the root itself ---- */

static void put_root(const struct explanation *x, bool own_dev)
{
	FILE *out = x->out;
	const char *nodev = own_dev ? "nodev," : "";
	if (x->direct) {
		explain_line(out, "the root file system itself: what is written stays",
			"mount --rbind \"$image\" \"$root\"");
		explain_line(
			out, "what the host mounts later stays outside", "mount --make-rprivate \"$root\"");
		if (own_dev)
			explain_line(
				out, "device nodes that it brings along are dead", "remount \"$root\" nodev");
		return;
	}
	explain_line(out, "an overlay: reads come from the image, writes go to upper", "cd \"$dir\"");
	explain_line(out, "a short name: mount options take no comma and no colon", "ln -s \"$image\" lower");
	fputs("mkdir upper work\n", out);
	explain_line(out, "the root folder itself: as the image has it",
		"chown --reference=lower/. upper\nchmod --reference=lower/. upper\nchmod a+rx upper");
	fprintf(out, "mount -t overlay -o %slowerdir=lower,upperdir=upper,workdir=work%s overlay \"$root\"\n",
		nodev, json_flag(x->shim, "remove", false) ? ",volatile" : "");
}

static bool has_binds(struct json_object *mounts)
{
	for (size_t i = 0; i < json_length(mounts); i++)
		if (is_bind(json_object_array_get_idx(mounts, i)))
			return true;
	return false;
}

static void put_mounts(const struct explanation *x)
{
	struct json_object *mounts = json_get(x->config, "mounts");
	bool own_dev = false;
	for (size_t i = 0; i < json_length(mounts); i++)
		own_dev = own_dev || is_dev(json_object_array_get_idx(mounts, i));
	put_root(x, own_dev);
	if (has_binds(mounts))
		explain_line(x->out, "a folder of the host that this lies in comes without it",
			"mount --make-unbindable \"$root\"");
	putc('\n', x->out);
	for (size_t i = 0; i < json_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		struct options o;
		read_options(mount, &o);
		if (is_bind(mount)) {
			put_bind(x->out, mount, &o);
			continue;
		}
		put_filesystem(x, mount, &o);
		if (is_dev(mount))
			put_devices(x->out);
	}
	if (!own_dev)
		put_devices(x->out);
	put_more_devices(x);
	if (has_binds(mounts))
		explain_line(x->out, "as before", "mount --make-private \"$root\"");
}

/* ---- what is set, hidden, made read-only ---- */

static void put_settings(const struct explanation *x)
{
	FILE *out = x->out;
	const char *host = json_string(x->config, "hostname", NULL),
		   *domain = json_string(x->config, "domainname", NULL);
	struct json_object *sysctls = json_get(json_get(x->config, "linux"), "sysctl");
	putc('\n', out);
	if (host != NULL) {
		_cleanup_free_ char *word = explain_quote(host);
		explain_line(out, "of its own uts namespace", "echo %s >/proc/sys/kernel/hostname", word);
	}
	if (domain != NULL) {
		_cleanup_free_ char *word = explain_quote(domain);
		fprintf(out, "echo %s >/proc/sys/kernel/domainname\n", word);
	}
	if (explain_is_own(x, "network"))
		explain_line(out, "its only network device", "ip link set lo up");
	if (sysctls == NULL)
		return;
	json_object_object_foreach (sysctls, key, value) {
		_cleanup_free_ char *path = strdup(key);
		if (path == NULL)
			abort();
		for (char *p = path; *p != '\0'; p++)
			if (*p == '.')
				*p = '/';
		_cleanup_free_ char *file = explain_quote(path),
				    *word = explain_quote(json_object_get_string(value));
		explain_line(out, "a setting of its namespaces", "echo %s >/proc/sys/%s", word, file);
	}
}

/* for path in …; do */
static void put_loop(FILE *out, struct json_object *paths)
{
	fputs("for path in", out);
	for (size_t i = 0; i < json_length(paths); i++) {
		_cleanup_free_ char *word = explain_quote(text_at(paths, i));
		fprintf(out, "%s%s", i % 5 == 0 ? " \\\n\t\t" : " ", word);
	}
	fputs("; do\n\tat=$root$path\n", out);
}

static void put_paths(const struct explanation *x)
{
	struct json_object *linux_ = json_get(x->config, "linux");
	struct json_object *readonly = json_get(linux_, "readonlyPaths"),
			   *masked = json_get(linux_, "maskedPaths");
	if (json_length(readonly) > 0) {
		fputs("\n# read-only: settings and controls of the whole machine\n", x->out);
		put_loop(x->out, readonly);
		fputs("\t[ -e \"$at\" ] || continue\n"
		      "\tmount --rbind \"$at\" \"$at\"\n"
		      "\tremount \"$at\" ro\n"
		      "done\n",
			x->out);
	}
	if (json_length(masked) > 0) {
		fputs("\n# hidden: what tells about the whole machine; a file below /dev/null, a folder "
		      "below an empty one\n",
			x->out);
		put_loop(x->out, masked);
		fputs("\tif [ -d \"$at\" ]; then\n"
		      "\t\tmount -t tmpfs -o ro,nosuid,nodev,noexec,nr_blocks=1,nr_inodes=2,mode=755 none "
		      "\"$at\"\n"
		      "\telif [ -e \"$at\" ]; then\n"
		      "\t\tmount --bind \"$root/dev/null\" \"$at\"\n"
		      "\tfi\n"
		      "done\n",
			x->out);
	}
}

static void put_readonly(const struct explanation *x)
{
	struct json_object *mounts = json_get(x->config, "mounts");
	_cleanup_free_ char *cwd = explain_quote(json_string(json_get(x->config, "process"), "cwd", "/"));
	putc('\n', x->out);
	explain_line(x->out, "the working directory", "[ -d \"$root\"%s ] || place %s", cwd, cwd);
	for (size_t i = 0; i < json_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		struct options o;
		read_options(mount, &o);
		if (!o.readonly || is_bind(mount) || strcmp(json_string(mount, "type", ""), "tmpfs") != 0)
			continue;
		_cleanup_free_ char *target = explain_quote(json_string(mount, "destination", ""));
		fprintf(x->out, "place %s\nremount \"$at\" ro\n", target);
	}
	if (json_flag(json_get(x->config, "root"), "readonly", false))
		explain_line(x->out, "the root, after everything that makes folders in it",
			"mount -o \"remount,bind,$(flags \"$root\"),ro\" \"$root\"");
}

static void put_functions(FILE *out)
{
	fputs("dir=$1 image=$2 root=$1/root\n"
	      "place() { # TARGET [SOURCE]: $at is where it lies below the root; made where it is missing, "
	      "as a folder or file\n"
	      "\tat=$(realpath -m \"$root/$1\")\n"
	      "\tcase $at in\n"
	      "\t\"$root\"/*) ;;\n"
	      "\t*) echo \"$1: a link in the image leads out of it\" >&2; exit 125 ;;\n"
	      "\tesac\n"
	      "\tif [ -e \"$at\" ]; then return; fi\n"
	      "\tif [ -d \"${2:-/}\" ]; then mkdir -p \"$at\"; else mkdir -p \"${at%/*}\"; : >\"$at\"; fi\n"
	      "}\n"
	      "flags() { findmnt --direction backward --first-only -no VFS-OPTIONS \"$1\"; }\n"
	      "remount() { # PLACE FLAGS: in addition to its own, and of everything mounted below it\n"
	      "\tfindmnt --submounts -nlo TARGET \"$1\" | while IFS= read -r below; do\n"
	      "\t\tmount -o \"remount,bind,$(flags \"$below\"),$2\" \"$below\"\n"
	      "\tdone\n"
	      "}\n"
	      "mkdir \"$root\"\n",
		out);
}

/* A line that does not occur in what it is to end: a text has fewer lines than there are numbers. */
static void find_end(const char *text, char end[32])
{
	char line[40];
	snprintf(end, 32, "ROOT");
	snprintf(line, sizeof line, "\n%s\n", end);
	for (size_t n = 1; strstr(text, line) != NULL; n++) {
		snprintf(end, 32, "ROOT%zu", n);
		snprintf(line, sizeof line, "\n%s\n", end);
	}
}

void explain_root(const struct explanation *x)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	char end[32];
	struct explanation inner = *x;
	inner.out = open_memstream(&text, &size);
	if (inner.out == NULL)
		abort();
	put_functions(inner.out);
	explain_head(inner.out, "the root file system, and what is mounted in it");
	put_mounts(&inner);
	put_settings(&inner);
	put_paths(&inner);
	put_readonly(&inner);
	explain_line(
		inner.out, "the old root lies on top of the new one now", "cd \"$root\"\npivot_root . .");
	if (fclose(inner.out) != 0)
		abort();
	find_end(text, end);
	explain_head(x->out,
		"its root, made from outside in its namespaces: nothing of it is mounted on the host");
	fprintf(x->out, "nsenter --target \"$pid\" --all sh -eu -s \"$dir\" \"$image\" <<'%s'\n%s%s\n", end,
		text, end);
	explain_line(x->out, "lets go of the host's root", "umount --namespace \"$pid\" --lazy /");
}
