/* SPDX-License-Identifier: GPL-2.0-only */
/* Front end "chip": the device as a chip of the kernel's TPM core. */
#ifndef _VTPM_CHIP_H
#define _VTPM_CHIP_H

#include "device.h"

struct vtpm_proxy_new_dev;

extern const struct vtpm_front_end_ops vtpm_chip_ops;

bool vtpm_chip_allowed(u32 create_flags);
int vtpm_chip_numbers(struct vtpm_device *device, struct vtpm_proxy_new_dev *numbers);

#endif /* _VTPM_CHIP_H */
