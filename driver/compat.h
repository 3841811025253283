/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels 6.1, 6.12 and 7.2, and what linux-headers leaves
 * out. Every test of LINUX_VERSION_CODE stands here.
 */
#ifndef _VTPM_COMPAT_H
#define _VTPM_COMPAT_H

#include <linux/sched.h>
#include <linux/tpm.h>
#include <linux/version.h>

/*
 * Exported by the TPM core, the same in all three, declared only in
 * drivers/char/tpm/tpm.h.
 */
struct tpm_chip *tpm_chip_alloc(struct device *parent, const struct tpm_class_ops *ops);
int tpm_chip_register(struct tpm_chip *chip);
void tpm_chip_unregister(struct tpm_chip *chip);
unsigned long tpm_calc_ordinal_duration(struct tpm_chip *chip, u32 ordinal);

/* 6.3 made the device of device_type's callbacks const. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define vtpm_const_device const struct device
#else
#define vtpm_const_device struct device
#endif

/* 7.x gave tpm_class_ops.send() the size of the buffer as well. */
typedef int (*vtpm_send_3)(struct tpm_chip *chip, u8 *buf, size_t len);
typedef int (*vtpm_send_4)(struct tpm_chip *chip, u8 *buf, size_t bufsiz, size_t len);

/**
 * vtpm_select_send() - choose the send() that this kernel's tpm_class_ops wants
 * @send3: without the buffer's size
 * @send4: with it
 */
#define vtpm_select_send(send3, send4)						\
	_Generic(((struct tpm_class_ops *)0)->send, vtpm_send_3: send3, vtpm_send_4: send4)

/*
 * States to sleep in. All are freezable: a server may freeze before its clients.
 * The last one is for callers that hold locks of the TPM core, hence "unsafe".
 */
#define VTPM_INTERRUPTIBLE (TASK_INTERRUPTIBLE | TASK_FREEZABLE)
#define VTPM_KILLABLE (TASK_KILLABLE | TASK_FREEZABLE)
#define VTPM_IDLE (TASK_IDLE | TASK_FREEZABLE_UNSAFE)

#endif /* _VTPM_COMPAT_H */
