/* SPDX-License-Identifier: GPL-2.0-only */
/* The control node. */
#ifndef _VTPM_CONTROL_H
#define _VTPM_CONTROL_H

int vtpm_control_init(void);
void vtpm_control_exit(void);

#endif /* _VTPM_CONTROL_H */
