#include "runtime/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/parse.h"
#include "runtime/spec.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define CAPABILITY_MAX	64

void capabilities_cut(const uint64_t *wanted, uint64_t permitted, uint64_t bounding, uint64_t *ret_granted)
{
	uint64_t have = permitted & bounding;
	ret_granted[CAPABILITIES_BOUNDING] = wanted[CAPABILITIES_BOUNDING] & bounding;
	ret_granted[CAPABILITIES_PERMITTED] = wanted[CAPABILITIES_PERMITTED] & have;
	ret_granted[CAPABILITIES_EFFECTIVE] =
		wanted[CAPABILITIES_EFFECTIVE] & ret_granted[CAPABILITIES_PERMITTED];
	ret_granted[CAPABILITIES_INHERITABLE] =
		wanted[CAPABILITIES_INHERITABLE] & have & ret_granted[CAPABILITIES_BOUNDING];
	ret_granted[CAPABILITIES_AMBIENT] = wanted[CAPABILITIES_AMBIENT] &
					    ret_granted[CAPABILITIES_PERMITTED] &
					    ret_granted[CAPABILITIES_INHERITABLE];
}

int capabilities_held(uint64_t *ret_bounding, struct error *err)
{
	uint64_t bounding = 0;
	for (int i = 0; i < CAPABILITY_MAX; i++) {
		int held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
		if (held < 0 && i > CAP_LAST_CAP) /* the kernel's last one was before this */
			break;
		if (held < 0)
			return error_errno(err, "read the bounding set");
		bounding |= held > 0 ? BIT(i) : 0;
	}
	*ret_bounding = bounding;
	return 0;
}

int capabilities_grant(const uint64_t *wanted, uint64_t bounding, uint64_t *ret_granted, struct error *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data) < 0)
		return error_errno(err, "read our capabilities");
	capabilities_cut(
		wanted, data[0].permitted | (uint64_t) data[1].permitted << 32, bounding, ret_granted);
	return 0;
}

int capabilities_drop(uint64_t mask, struct error *err)
{
	for (int i = 0; i < CAPABILITY_MAX; i++) {
		if (!(mask & BIT(i)) || prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		const char *name = capability_name(i);
		return error_errno(
			err, "drop %s from the bounding set", name != NULL ? name : "a capability");
	}
	return 0;
}

int capabilities_set(const uint64_t *granted, struct error *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t) (granted[CAPABILITIES_EFFECTIVE] >> (32 * i));
		data[i].permitted = (uint32_t) (granted[CAPABILITIES_PERMITTED] >> (32 * i));
		data[i].inheritable = (uint32_t) (granted[CAPABILITIES_INHERITABLE] >> (32 * i));
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_errno(err, "clear the ambient capabilities");
	if (syscall(SYS_capset, &head, data) < 0)
		return error_errno(err, "set the capabilities");
	for (int i = 0; i < CAPABILITY_MAX; i++)
		if (granted[CAPABILITIES_AMBIENT] & BIT(i) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return error_errno(err, "set the ambient capabilities");
	return 0;
}
