#include "common/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "common/parse.h"

#define PAX_MAX	     (1024 * 1024) /* of extended headers: some hold whole ACLs */
#define USTAR_OCTAL7 07777777	   /* in a field of 8 bytes */
#define USTAR_SIZE   UINT64_C(077777777777)

/* The fields of a header: POSIX.1-2017, pax, ustar Interchange Format. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[8],
		user[32], group[32], major[8], minor[8], prefix[155], unused[12];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK, "a header is one block");

static const char types[TAR_TYPES] = {
	[TAR_FILE] = '0',
	[TAR_FOLDER] = '5',
	[TAR_SYMLINK] = '2',
	[TAR_HARDLINK] = '1',
	[TAR_FIFO] = '6',
	[TAR_CHARACTER] = '3',
	[TAR_BLOCK_DEVICE] = '4',
};

size_t tar_padding(uint64_t size)
{
	return (size_t) (-size % TAR_BLOCK);
}

static unsigned sum(const struct header *h)
{
	const unsigned char *p = (const unsigned char *) h;
	unsigned total = 0;
	for (size_t i = 0; i < sizeof *h; i++) {
		bool in_sum = i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);
		total += in_sum ? ' ' : p[i];
	}
	return total;
}

/* ---- writing ---- */

static void put_octal(char *field, size_t size, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%0*" PRIo64, (int) size - 1, value);
	memcpy(field, text, size);
}

static void fill_header(struct header *h, char type, const char *name, uint64_t size)
{
	*h = (struct header) { .type = type };
	memcpy(h->name, name, strnlen(name, sizeof h->name));
	memcpy(h->magic, "ustar\00000", sizeof h->magic);
	put_octal(h->size, sizeof h->size, size <= USTAR_SIZE ? size : 0);
}

static void seal(struct header *h)
{
	put_octal(h->checksum, 7, sum(h));
	h->checksum[7] = ' ';
}

/* "LENGTH KEY=VALUE\n", where the length counts itself. */
static size_t add_record(char *out, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;
	char digits[24];
	while (length != rest + (size_t) snprintf(digits, sizeof digits, "%zu", length))
		length = rest + strlen(digits);
	memcpy(out, digits, strlen(digits));
	snprintf(out + strlen(digits), length - strlen(digits) + 1, " %s=%s\n", key, value);
	return length;
}

static size_t add_number(char *out, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, value);
	return add_record(out, key, text);
}

/* Seconds below zero are those before 1970, and the fraction counts upwards from them. */
static size_t add_time(char *out, const struct timespec *t)
{
	char text[48];
	int64_t s = t->tv_sec, ns = t->tv_nsec;
	if (s < 0 && ns > 0) {
		s++;
		ns = 1000000000 - ns;
	}
	snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64, t->tv_sec < 0 ? "-" : "", s < 0 ? -s : s, ns);
	return add_record(out, "mtime", text);
}

/* What ustar has no room for. */
static size_t pax_records(const struct tar_entry *e, const char *name, char *out)
{
	size_t n = 0;
	if (strlen(name) > sizeof((struct header *) NULL)->name)
		n += add_record(out + n, "path", name);
	if (strlen(e->link) > sizeof((struct header *) NULL)->link)
		n += add_record(out + n, "linkpath", e->link);
	if (e->size > USTAR_SIZE)
		n += add_number(out + n, "size", e->size);
	if (e->uid > USTAR_OCTAL7)
		n += add_number(out + n, "uid", e->uid);
	if (e->gid > USTAR_OCTAL7)
		n += add_number(out + n, "gid", e->gid);
	if (e->mtime.tv_nsec != 0 || e->mtime.tv_sec < 0 || (uint64_t) e->mtime.tv_sec > USTAR_SIZE)
		n += add_time(out + n, &e->mtime);
	return n;
}

static uint64_t plain_seconds(const struct timespec *t)
{
	return t->tv_sec < 0 || (uint64_t) t->tv_sec > USTAR_SIZE ? 0 : (uint64_t) t->tv_sec;
}

size_t tar_header(const struct tar_entry *e, uint8_t out[TAR_HEADER_MAX])
{
	char name[PATH_MAX + 1];
	struct header h;
	size_t length = strlen(e->name), at = 0;
	bool slash = e->type == TAR_FOLDER && (length == 0 || e->name[length - 1] != '/');
	snprintf(name, sizeof name, "%s%s", e->name, slash ? "/" : "");
	memset(out, 0, TAR_HEADER_MAX);
	size_t pax = pax_records(e, name, (char *) out + TAR_BLOCK);
	if (pax > 0) {
		fill_header(&h, 'x', "pax", pax);
		put_octal(h.mode, sizeof h.mode, 0600);
		put_octal(h.mtime, sizeof h.mtime, plain_seconds(&e->mtime));
		seal(&h);
		memcpy(out, &h, sizeof h);
		at = TAR_BLOCK + pax + tar_padding(pax);
	}
	fill_header(&h, types[e->type], name, e->size);
	memcpy(h.link, e->link, strnlen(e->link, sizeof h.link));
	put_octal(h.mode, sizeof h.mode, e->mode & 07777);
	put_octal(h.uid, sizeof h.uid, e->uid <= USTAR_OCTAL7 ? e->uid : 0);
	put_octal(h.gid, sizeof h.gid, e->gid <= USTAR_OCTAL7 ? e->gid : 0);
	put_octal(h.mtime, sizeof h.mtime, plain_seconds(&e->mtime));
	put_octal(h.major, sizeof h.major, e->major & USTAR_OCTAL7);
	put_octal(h.minor, sizeof h.minor, e->minor & USTAR_OCTAL7);
	seal(&h);
	memcpy(out + at, &h, sizeof h);
	return at + TAR_BLOCK;
}

/* ---- reading ---- */

static int bad(struct error *err, const char *what)
{
	error_set(err, ERROR_COPY_FAILED, "this is no tar archive: %s", what);
	return -1;
}

static const struct {
	const char *magic;
	size_t size;
	const char *name, *tool;
} compressions[] = {
	{ "\x1f\x8b", 2, "gzip", "zcat" },
	{ "\x28\xb5\x2f\xfd", 4, "zstd", "zstdcat" },
	{ "\xfd"
	  "7zXZ",
		5, "xz", "xzcat" },
	{ "BZh", 3, "bzip2", "bzcat" },
};

/* Says so, too. */
static bool is_compressed(const void *data, size_t size, struct error *err)
{
	for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++) {
		const char *tool = compressions[i].tool;
		if (size < compressions[i].size ||
			memcmp(data, compressions[i].magic, compressions[i].size) != 0)
			continue;
		error_set(err, ERROR_COPY_FAILED, "the archive is compressed (%s)", compressions[i].name);
		error_hint(err, "%s unpacks it: %s FILE | ctl cp - …", tool, tool);
		return true;
	}
	return false;
}

static int cut(const struct tar_reader *r, struct error *err)
{
	if (!r->any)
		return error_set(err, ERROR_COPY_FAILED, "the archive is empty");
	if (r->shown[0] == '\0')
		return error_set(err, ERROR_COPY_FAILED, "the archive is cut");
	return error_set(err, ERROR_COPY_FAILED, "the archive is cut: it ends at '%s'", r->shown);
}

/* 1: all of it; 0: the end came before the first byte; -1. */
static int read_whole(struct tar_reader *r, void *data, size_t size, struct error *err)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = r->fill(r->arg, (char *) data + at, size - at, err);
		if (n < 0)
			return -1;
		if (n == 0 && at > 0 && r->shown[0] == '\0' && is_compressed(data, at, err))
			return -1;
		if (n == 0)
			return at == 0 ? 0 : cut(r, err);
		at += (size_t) n;
		r->any = true;
	}
	return 1;
}

static int skip(struct tar_reader *r, uint64_t size, struct error *err)
{
	char waste[16 * TAR_BLOCK];
	while (size > 0) {
		size_t part = size < sizeof waste ? (size_t) size : sizeof waste;
		int result = read_whole(r, waste, part, err);
		if (result <= 0)
			return result < 0 ? -1 : cut(r, err);
		size -= part;
	}
	return 0;
}

ssize_t tar_data(struct tar_reader *r, void *data, size_t size, struct error *err)
{
	if (r->left == 0 || size == 0)
		return 0;
	size_t part = size < r->left ? size : (size_t) r->left;
	ssize_t n = r->fill(r->arg, data, part, err);
	if (n == 0)
		return cut(r, err);
	if (n > 0)
		r->left -= (uint64_t) n;
	return n;
}

static int finish_entry(struct tar_reader *r, struct error *err)
{
	uint64_t left = r->left + r->padding;
	r->left = 0;
	r->padding = 0;
	return skip(r, left, err);
}

/* Octal digits, or GNU's way: the first bit set, and then a number of two's complement. */
static int number(const char *field, size_t size, int64_t *ret_value)
{
	const unsigned char *p = (const unsigned char *) field, *end = p + size;
	int64_t v = 0;
	if (*p & 0x80) {
		v = *p & 0x40 ? (*p | ~INT64_C(0x7f)) : *p & 0x3f;
		for (p++; p < end; p++) {
			if (v > INT64_MAX >> 8 || v < -(INT64_MAX >> 8))
				return -1;
			v = v * 256 + *p;
		}
		*ret_value = v;
		return 0;
	}
	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '7'; p++) {
		if (v > INT64_MAX >> 3)
			return -1;
		v = v * 8 + (*p - '0');
	}
	while (p < end && (*p == ' ' || *p == '\0'))
		p++;
	*ret_value = v;
	return p == end ? 0 : -1;
}

#define NUMBER(field, ret) number(field, sizeof(field), ret)

static bool is_zero(const struct header *h)
{
	static const struct header zero;
	return memcmp(h, &zero, sizeof zero) == 0;
}

static bool checksum_fits(const struct header *h)
{
	int64_t said;
	return NUMBER(h->checksum, &said) == 0 && said == (int64_t) sum(h);
}

static int refuse_header(const struct tar_reader *r, const struct header *h, struct error *err)
{
	if (r->shown[0] != '\0')
		return error_set(err, ERROR_COPY_FAILED,
			"the archive is damaged: what follows '%s' is no header", r->shown);
	if (is_compressed(h, sizeof *h, err))
		return -1;
	return bad(err, "its first block is no header");
}

/* What the headers before the proper one say. */
struct said {
	char *name, *link; /* owned; NULL: nothing */
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size;
	uint64_t uid, gid;
	struct timespec mtime;
};

static void said_done(struct said *said)
{
	free(said->name);
	free(said->link);
}

#define _cleanup_said_ __attribute__((cleanup(said_done)))

static int too_long(struct error *err)
{
	return error_errnum(err, ENAMETOOLONG, "read a name in the archive");
}

static int take_text(char **target, const char *text, size_t size, struct error *err)
{
	if (size >= PATH_MAX)
		return too_long(err);
	if (memchr(text, '\0', size) != NULL)
		return bad(err, "a name has a NUL in it");
	free(*target);
	*target = strndup(text, size);
	if (*target == NULL)
		abort();
	return 0;
}

/* "1700000000.25", "-1.5" */
static int take_time(const char *text, struct timespec *ret_time)
{
	char whole[24], fraction[10] = "000000000";
	bool negative = *text == '-';
	text += negative;
	size_t n = strcspn(text, "."), m = text[n] == '.' ? strspn(text + n + 1, "0123456789") : 0;
	uint64_t s, ns;
	if (n == 0 || n >= sizeof whole || text[n + (text[n] == '.' ? 1 + m : 0)] != '\0')
		return -1;
	snprintf(whole, sizeof whole, "%.*s", (int) n, text);
	if (m > 0)
		memcpy(fraction, text + n + 1, m < 9 ? m : 9);
	if (parse_u64(whole, INT64_MAX, &s) < 0 || parse_u64(fraction, 999999999, &ns) < 0)
		return -1;
	*ret_time =
		(struct timespec) { .tv_sec = negative ? -(int64_t) s : (int64_t) s, .tv_nsec = (long) ns };
	if (negative && ns > 0)
		*ret_time =
			(struct timespec) { .tv_sec = -(int64_t) s - 1, .tv_nsec = 1000000000 - (long) ns };
	return 0;
}

static int refuse_sparse(struct error *err)
{
	error_set(err, ERROR_COPY_FAILED, "the archive has sparse files");
	return error_hint(err, "make it without tar's --sparse");
}

static int take_record(struct said *said, const char *key, const char *value, size_t size, struct error *err)
{
	bool fits = true;
	if (strcmp(key, "path") == 0)
		return take_text(&said->name, value, size, err);
	if (strcmp(key, "linkpath") == 0)
		return take_text(&said->link, value, size, err);
	if (strncmp(key, "GNU.sparse.", strlen("GNU.sparse.")) == 0)
		return refuse_sparse(err);
	if (strcmp(key, "size") == 0)
		fits = said->has_size = parse_u64(value, INT64_MAX, &said->size) == 0;
	else if (strcmp(key, "uid") == 0)
		fits = said->has_uid = parse_u64(value, UINT32_MAX - 1, &said->uid) == 0;
	else if (strcmp(key, "gid") == 0)
		fits = said->has_gid = parse_u64(value, UINT32_MAX - 1, &said->gid) == 0;
	else if (strcmp(key, "mtime") == 0)
		fits = said->has_mtime = take_time(value, &said->mtime) == 0;
	return fits ? 0 : bad(err, "an extended header has a number that is none");
}

/* text has a NUL behind it; it is taken apart in place. */
static int take_pax(struct said *said, char *text, size_t size, struct error *err)
{
	for (size_t at = 0; at < size;) {
		uint64_t length;
		char *record = text + at, *blank = memchr(record, ' ', size - at < 20 ? size - at : 20);
		if (blank == NULL)
			return bad(err, "an extended header is damaged");
		*blank = '\0';
		size_t digits = (size_t) (blank - record);
		if (parse_u64(record, size - at, &length) < 0 || length < digits + 3 ||
			record[length - 1] != '\n')
			return bad(err, "an extended header is damaged");
		record[length - 1] = '\0';
		char *key = blank + 1, *equals = memchr(key, '=', (size_t) (record + length - key));
		if (equals == NULL)
			return bad(err, "an extended header is damaged");
		*equals = '\0';
		char *value = equals + 1;
		if (take_record(said, key, value, (size_t) (record + length - 1 - value), err) < 0)
			return -1;
		at += length;
	}
	return 0;
}

/* A header whose data say something about the entry behind it. */
static int take_extension(
	struct tar_reader *r, char type, uint64_t size, struct said *said, struct error *err)
{
	if (type == 'g') /* for all of the archive: comments, as far as we are concerned */
		return skip(r, size + tar_padding(size), err);
	if (size > PAX_MAX)
		return bad(err, "an extended header is larger than 1 MiB");
	_cleanup_free_ char *text = calloc(1, (size_t) size + 1);
	if (text == NULL)
		abort();
	int result = size == 0 ? 1 : read_whole(r, text, (size_t) size, err);
	if (result <= 0)
		return result < 0 ? -1 : cut(r, err);
	if (skip(r, tar_padding(size), err) < 0)
		return -1;
	if (type == 'x')
		return take_pax(said, text, (size_t) size, err);
	return take_text(type == 'L' ? &said->name : &said->link, text, strlen(text), err);
}

static int take_type(const struct header *h, struct tar_entry *e, struct error *err)
{
	char type = h->type == '\0' || h->type == '7' ? '0' : h->type;
	size_t length = strlen(e->name);
	for (int i = 0; i < TAR_TYPES; i++)
		if (types[i] == type) {
			e->type = (enum tar_type) i;
			/* As it was before there was a type for it. */
			if (i == TAR_FILE && length > 0 && e->name[length - 1] == '/')
				e->type = TAR_FOLDER;
			return 0;
		}
	if (type == 'S')
		return refuse_sparse(err);
	return error_set(err, ERROR_COPY_FAILED, "the archive has an entry of an unknown kind");
}

static void take_name(const struct header *h, struct said *said, struct tar_entry *e)
{
	bool posix = memcmp(h->magic, "ustar", 6) == 0 && h->prefix[0] != '\0';
	if (said->name != NULL)
		snprintf(e->name, sizeof e->name, "%s", said->name);
	else
		snprintf(e->name, sizeof e->name, "%.*s%s%.*s", posix ? (int) sizeof h->prefix : 0, h->prefix,
			posix ? "/" : "", (int) sizeof h->name, h->name);
	if (said->link != NULL)
		snprintf(e->link, sizeof e->link, "%s", said->link);
	else
		snprintf(e->link, sizeof e->link, "%.*s", (int) sizeof h->link, h->link);
}

/* Device numbers of others than devices, and owners that somebody has left out, may be anything. */
static int take_numbers(const struct header *h, const struct said *said, struct tar_entry *e)
{
	int64_t mode, uid, gid, mtime, major = 0, minor = 0;
	bool device = e->type == TAR_CHARACTER || e->type == TAR_BLOCK_DEVICE;
	if (NUMBER(h->mode, &mode) < 0 || NUMBER(h->uid, &uid) < 0 || NUMBER(h->gid, &gid) < 0 ||
		NUMBER(h->mtime, &mtime) < 0)
		return -1;
	if (device && (NUMBER(h->major, &major) < 0 || NUMBER(h->minor, &minor) < 0))
		return -1;
	uid = said->has_uid ? (int64_t) said->uid : uid;
	gid = said->has_gid ? (int64_t) said->gid : gid;
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return -1;
	e->mode = (uint32_t) mode & 07777;
	e->uid = (uint32_t) uid;
	e->gid = (uint32_t) gid;
	e->major = (uint32_t) major;
	e->minor = (uint32_t) minor;
	e->mtime = said->has_mtime ? said->mtime : (struct timespec) { .tv_sec = mtime };
	return 0;
}

static int take_entry(struct tar_reader *r, const struct header *h, uint64_t size, struct said *said,
	struct tar_entry *e, struct error *err)
{
	*e = (struct tar_entry) { 0 };
	take_name(h, said, e);
	escape_text(e->name, r->shown, sizeof r->shown);
	if (e->name[0] == '\0')
		return bad(err, "an entry has no name");
	if (take_type(h, e, err) < 0)
		return error_wrap(err, "'%s'", r->shown);
	if (take_numbers(h, said, e) < 0)
		return bad(err, "a header has a number that is none");
	if (e->type != TAR_SYMLINK && e->type != TAR_HARDLINK)
		e->link[0] = '\0';
	/* Of all others some tools write a size, and none the data. */
	e->size = e->type != TAR_FILE ? 0 : said->has_size ? said->size : size;
	r->left = e->size;
	r->padding = tar_padding(e->size);
	return 1;
}

/* Whoever writes it may write more zeros, and must not find that nobody reads them. */
static int read_rest(struct tar_reader *r, struct error *err)
{
	char waste[16 * TAR_BLOCK];
	ssize_t n;
	r->over = true;
	while ((n = r->fill(r->arg, waste, sizeof waste, err)) > 0)
		;
	return (int) n;
}

int tar_next(struct tar_reader *r, struct tar_entry *ret_entry, struct error *err)
{
	_cleanup_said_ struct said said = { 0 };
	if (r->over)
		return 0;
	if (finish_entry(r, err) < 0)
		return -1;
	for (;;) {
		struct header h;
		int64_t size;
		int result = read_whole(r, &h, sizeof h, err);
		if (result <= 0)
			return result < 0 ? -1 : cut(r, err);
		if (is_zero(&h))
			return read_rest(r, err);
		if (!checksum_fits(&h))
			return refuse_header(r, &h, err);
		if (NUMBER(h.size, &size) < 0 || size < 0)
			return bad(err, "a header has a number that is none");
		if (h.type == '\0' || strchr("xgLK", h.type) == NULL)
			return take_entry(r, &h, (uint64_t) size, &said, ret_entry, err);
		if (take_extension(r, h.type, (uint64_t) size, &said, err) < 0)
			return -1;
	}
}
