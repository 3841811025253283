// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each user has taken: devices owned, files open.
 *
 * An account is an xarray from uid to count; entries change by compare and exchange,
 * since storing a first one may drop the array's lock to get memory. A charge
 * is taken before the thing is made and given back after it is gone, by whoever
 * made it. The user is the one of the moment of the charge: a passed file stays on
 * its opener's account.
 */
#include <linux/errno.h>
#include <linux/moduleparam.h>

#include "limit.h"

unsigned int vtpm_max_devices_per_uid = 4096;
module_param_named(max_devices_per_uid, vtpm_max_devices_per_uid, uint, 0644);
MODULE_PARM_DESC(max_devices_per_uid, "devices whose nodes one user may own (default 4096)");

unsigned int vtpm_max_opens_per_uid = 1024;
module_param_named(max_opens_per_uid, vtpm_max_opens_per_uid, uint, 0644);
MODULE_PARM_DESC(max_opens_per_uid, "device files one user may have open (default 1024)");

/* The TPM core's 120 seconds. */
unsigned int vtpm_unread_ms = 120000;
module_param_named(unread_ms, vtpm_unread_ms, uint, 0644);
MODULE_PARM_DESC(unread_ms, "how long an unread response is kept, milliseconds (default 120000)");

unsigned int vtpm_proof_ms = 60000;
module_param_named(proof_ms, vtpm_proof_ms, uint, 0644);
MODULE_PARM_DESC(proof_ms, "how long a client waits for a proof, milliseconds (default 60000)");

DEFINE_XARRAY(vtpm_devices_of_uid);
DEFINE_XARRAY(vtpm_opens_of_uid);

static unsigned long count_of(const void *entry)
{
	return entry ? xa_to_value(entry) : 0;
}

/**
 * vtpm_charge() - count one more on a user's account
 * @account: &vtpm_devices_of_uid or &vtpm_opens_of_uid
 * @uid: of the user
 * @max: highest count allowed
 *
 * Return: 0, -EDQUOT at the limit, -ENOMEM.
 */
int vtpm_charge(struct xarray *account, kuid_t uid, unsigned int max)
{
	void *found, *entry = xa_load(account, __kuid_val(uid));

	for (;;) {
		if (count_of(entry) >= max)
			return -EDQUOT;
		found = xa_cmpxchg(account, __kuid_val(uid), entry,
				   xa_mk_value(count_of(entry) + 1), GFP_KERNEL_ACCOUNT);
		if (found == entry)
			return 0;
		if (xa_is_err(found))
			return xa_err(found);
		entry = found;
	}
}

/**
 * vtpm_uncharge() - take one off a user's account
 * @account: that was charged
 * @uid: that was charged
 */
void vtpm_uncharge(struct xarray *account, kuid_t uid)
{
	unsigned long count;

	/* Replacing or erasing an entry needs no memory, so the lock is kept. */
	xa_lock(account);
	count = count_of(xa_load(account, __kuid_val(uid)));
	if (!WARN_ON(!count)) {
		if (count > 1)
			__xa_store(account, __kuid_val(uid), xa_mk_value(count - 1), GFP_ATOMIC);
		else
			__xa_erase(account, __kuid_val(uid));
	}
	xa_unlock(account);
}

/**
 * vtpm_limit_exit() - free the accounts
 */
void vtpm_limit_exit(void)
{
	xa_destroy(&vtpm_devices_of_uid);
	xa_destroy(&vtpm_opens_of_uid);
}
