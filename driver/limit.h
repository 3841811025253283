/* SPDX-License-Identifier: GPL-2.0-only */
/* Every limit of the driver, and the account of what each user has taken. */
#ifndef _VTPM_LIMIT_H
#define _VTPM_LIMIT_H

#include <linux/uidgid.h>
#include <linux/xarray.h>

/* Pairs of minors: /dev/vtpmN has 2N, /dev/vtpmrmN has 2N + 1. */
#define VTPM_LIMIT_INDEXES 32768
/* Open files of one device. */
#define VTPM_LIMIT_CLIENTS 256
/* Time limits a creator may choose, in milliseconds. */
#define VTPM_LIMIT_MS 3600000
/* Entries of one VTPM_IOC_LIST. */
#define VTPM_LIMIT_LIST 65536
/* Bytes of a structure that is passed to VTPM_IOC_*: what is unknown here is searched for zeros. */
#define VTPM_LIMIT_STRUCT 4096
/* Highest locality a client may choose (Part 1, "Locality"; the extended ones are not offered). */
#define VTPM_LIMIT_LOCALITY 4

/* Questions of one device that wait for a proof; and so many may be asked at once. */
#define VTPM_LIMIT_ASKS 8
/* After that one in so many milliseconds: each takes a share of the host TPM's time. */
#define VTPM_LIMIT_ASK_MS 1000

#define VTPM_DEFAULT_DETACHED_MS 10000
#define VTPM_DEFAULT_RUNNING_MS 30000

extern unsigned int vtpm_max_devices_per_uid;
extern unsigned int vtpm_max_opens_per_uid;
extern unsigned int vtpm_unread_ms;
extern unsigned int vtpm_proof_ms;
extern struct xarray vtpm_devices_of_uid;
extern struct xarray vtpm_opens_of_uid;

int vtpm_charge(struct xarray *account, kuid_t uid, unsigned int max);
void vtpm_uncharge(struct xarray *account, kuid_t uid);
void vtpm_limit_exit(void);

#endif /* _VTPM_LIMIT_H */
