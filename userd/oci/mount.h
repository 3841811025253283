/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a container has a node: it is mounted there under another name, in a mount table that
 * lives as long as the container does.
 */
#ifndef OCI_MOUNT_H
#define OCI_MOUNT_H

#include <stdbool.h>

/**
 * mount_is_anywhere() - is this node mounted for any process that the caller may look at?
 * @proc: "/proc"
 * @node: path of it, such as /dev/vtpm0
 */
bool mount_is_anywhere(const char *proc, const char *node);

#endif /* OCI_MOUNT_H */
