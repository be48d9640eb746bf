#include "common/parse.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Digits at *p, at least one; *p moves behind them. */
static int number(const char **p, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = *p;
	for (; is_digit(**p); (*p)++) {
		unsigned digit = (unsigned) (**p - '0');
		if (value > (max - digit) / 10 || digit > max)
			return -1;
		value = value * 10 + digit;
	}
	if (*p == start)
		return -1;
	*ret_value = value;
	return 0;
}

int parse_u64(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;
	if (number(&text, max, &value) < 0 || *text != '\0')
		return -1;
	*ret_value = value;
	return 0;
}

int parse_i64(const char *text, int64_t *ret_value)
{
	bool negative = *text == '-';
	uint64_t value;
	if (parse_u64(text + negative, (uint64_t) INT64_MAX + negative, &value) < 0)
		return -1;
	*ret_value = negative ? (int64_t) (0 - value) : (int64_t) value;
	return 0;
}

/* "1", "1.5": whole × unit, and the fraction's first nine digits × unit / 10^9, rounded up. */
static int decimal(const char **p, uint64_t unit, uint64_t *ret_value)
{
	uint64_t whole, fraction = 0, scale = 1000000000, value;
	if (number(p, UINT64_MAX, &whole) < 0)
		return -1;
	if (**p == '.') {
		(*p)++;
		if (!is_digit(**p))
			return -1;
		for (uint64_t place = scale / 10; is_digit(**p); (*p)++, place /= 10)
			fraction += place * (uint64_t) (**p - '0');
	}
	if (__builtin_mul_overflow(whole, unit, &value))
		return -1;
	unsigned __int128 part = ((unsigned __int128) fraction * unit + scale - 1) / scale;
	if (__builtin_add_overflow(value, (uint64_t) part, &value))
		return -1;
	*ret_value = value;
	return 0;
}

int parse_decimal(const char *text, uint64_t unit, uint64_t *ret_parts)
{
	uint64_t value;
	if (decimal(&text, unit, &value) < 0 || *text != '\0')
		return -1;
	*ret_parts = value;
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	/* The unit comes last, but decimal() wants it first. */
	size_t n = strspn(text, "0123456789.");
	uint64_t unit = 1, value;
	const char *u = text + n, *p = text;
	if (*u != '\0') {
		const char *at = strchr(units, *u | 0x20);
		if (at == NULL)
			return -1;
		unit = UINT64_C(1) << (10 * (at - units));
		if (u[1] != '\0' && strcasecmp(u + 1, "b") != 0 && strcasecmp(u + 1, "ib") != 0)
			return -1;
		if (unit == 1 && u[1] != '\0')
			return -1;
	}
	if (decimal(&p, unit, &value) < 0 || p != u)
		return -1;
	*ret_bytes = value;
	return 0;
}

int parse_duration_ms(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t us;
	} units[] = {
		{ "us", 1 },
		{ "ms", 1000 },
		{ "s", 1000000 },
		{ "m", 60000000 },
		{ "h", UINT64_C(3600000000) },
		{ "d", UINT64_C(86400000000) },
	};
	uint64_t total = 0, value;
	const char *p = text;
	do {
		size_t n = strspn(p, "0123456789.");
		size_t letters = strcspn(p + n, "0123456789");
		uint64_t us = 0;
		if (letters == 0 && p == text && p[n] == '\0')
			us = 1000000;
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (strlen(units[i].name) == letters && strncmp(units[i].name, p + n, letters) == 0)
				us = units[i].us;
		if (us == 0 || decimal(&p, us, &value) < 0 || __builtin_add_overflow(total, value, &total))
			return -1;
		p += letters;
	} while (*p != '\0');
	if (total > INT64_MAX)
		return -1;
	*ret_ms = (int64_t) (total / 1000 + (total % 1000 != 0));
	return 0;
}

static bool is_hex(const char *text, size_t max)
{
	size_t n = strspn(text, "0123456789abcdef");
	return n > 0 && n <= max && text[n] == '\0';
}

bool id_prefix_valid(const char *prefix)
{
	return is_hex(prefix, ID_LENGTH);
}

bool id_valid(const char *id)
{
	return is_hex(id, ID_LENGTH) && strlen(id) == ID_LENGTH;
}

bool name_valid(const char *name)
{
	size_t n = 0;
	if (!is_alnum(name[0]))
		return false;
	while (is_alnum(name[n]) || (name[n] != '\0' && strchr("_.-", name[n]) != NULL))
		n++;
	return n <= 64 && name[n] == '\0' &&
	       !(n == ID_LENGTH && strspn(name, "0123456789abcdefABCDEF") == ID_LENGTH);
}

int signal_parse(const char *text, int *ret_signal)
{
	uint64_t value;
	if (parse_u64(text, (uint64_t) SIGRTMAX, &value) == 0) {
		if (value == 0)
			return -1;
		*ret_signal = (int) value;
		return 0;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncasecmp(text, "RTM", 3) == 0) {
		bool from_max = strncasecmp(text, "RTMAX", 5) == 0;
		if (!from_max && strncasecmp(text, "RTMIN", 5) != 0)
			return -1;
		uint64_t range = (uint64_t) (SIGRTMAX - SIGRTMIN);
		value = 0;
		if (text[5] != '\0' &&
			(text[5] != (from_max ? '-' : '+') || parse_u64(text + 6, range, &value) < 0))
			return -1;
		*ret_signal = from_max ? SIGRTMAX - (int) value : SIGRTMIN + (int) value;
		return 0;
	}
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *name = sigabbrev_np(sig);
		if (name != NULL && strcasecmp(text, name) == 0) {
			*ret_signal = sig;
			return 0;
		}
	}
	return -1;
}

const char *signal_format(int sig, char buf[16])
{
	const char *name = sig < SIGRTMIN ? sigabbrev_np(sig) : NULL;
	if (name != NULL)
		snprintf(buf, 16, "SIG%s", name);
	else if (sig >= SIGRTMIN && sig <= SIGRTMAX)
		snprintf(buf, 16, sig == SIGRTMIN ? "SIGRTMIN" : "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		snprintf(buf, 16, "%d", sig);
	return buf;
}

/* linux/capability.h, Linux 6.x; the index is the number. */
static const char *const capabilities[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
_Static_assert(sizeof capabilities / sizeof *capabilities == 41, "CAP_LAST_CAP of Linux 6.x is 40");

int capability_parse(const char *text, int *ret_capability)
{
	const char *bare = strncasecmp(text, "CAP_", 4) == 0 ? text + 4 : text;
	for (int i = 0; i < 41; i++)
		if (strcasecmp(bare, capabilities[i] + 4) == 0) {
			*ret_capability = i;
			return 0;
		}
	return -1;
}

const char *capability_name(int capability)
{
	return capability >= 0 && capability < 41 ? capabilities[capability] : NULL;
}

bool path_clean(const char *path)
{
	if (path[0] != '/')
		return false;
	if (path[1] == '\0')
		return true;
	for (const char *p = path; *p == '/';) {
		size_t n = strcspn(++p, "/");
		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
	}
	return true;
}

/* Length of the well-formed sequence at p (Unicode, table 3-7), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t size)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t n;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		n = 2;
	else if (p[0] >= 0xE0 && p[0] <= 0xEF)
		n = 3;
	else if (p[0] >= 0xF0 && p[0] <= 0xF4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	if (n > size || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xBF)
			return 0;
	return n;
}

bool utf8_valid(const char *text, size_t size)
{
	for (size_t i = 0, n; i < size; i += n) {
		n = utf8_sequence((const unsigned char *) text + i, size - i);
		if (n == 0 || text[i] == '\0')
			return false;
	}
	return true;
}

const char *escape_text(const char *text, char *buf, size_t size)
{
	static const char cut[] = "\xE2\x80\xA6";
	size_t length = strlen(text), out = 0, fits = 0;
	for (size_t i = 0; i < length;) {
		const unsigned char *p = (const unsigned char *) text + i;
		size_t n = utf8_sequence(p, length - i);
		bool c1 = n == 2 && p[0] == 0xC2 && p[1] < 0xA0;
		bool plain = n > 0 && !c1 && p[0] >= 0x20 && p[0] != 0x7F;
		size_t needs = plain ? n : 4 * (n > 0 ? n : 1);
		if (out + needs >= size) {
			memcpy(buf + fits, cut, sizeof cut);
			return buf;
		}
		if (plain)
			memcpy(buf + out, p, n);
		else
			for (size_t k = 0; k < needs / 4; k++)
				snprintf(buf + out + 4 * k, 5, "\\x%02x", p[k]);
		out += needs;
		i += n > 0 ? n : 1;
		if (out + sizeof cut <= size)
			fits = out;
	}
	buf[out] = '\0';
	return buf;
}
