/* SPDX-License-Identifier: GPL-2.0-only */
/* The files servers hold. */
#ifndef _VTPM_SERVER_H
#define _VTPM_SERVER_H

#include "device.h"

struct file;
struct vtpm_server;

struct vtpm_server *vtpm_server_new(struct vtpm_device *device, bool bare, struct file **ret_file);
int vtpm_server_attach(struct vtpm_server *server, u32 flags, u64 instance);

#endif /* _VTPM_SERVER_H */
