// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual TPM 2.0 devices, served from user space: birth and death of the module.
 *
 * It is trusted with keeping clients, servers and the kernel apart from each other;
 * it sees TPM commands pass and interprets none of them.
 */
#include <linux/module.h>

#include "control.h"
#include "device.h"
#include "node.h"
#include "view.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init vtpm_init(void)
{
	int rc;

	rc = vtpm_device_init();
	if (rc)
		return rc;
	rc = vtpm_view_class_init();
	if (rc)
		goto err_device;
	rc = vtpm_node_init();
	if (rc)
		goto err_view;
	rc = vtpm_control_init();
	if (rc)
		goto err_node;
	return 0;

err_node:
	vtpm_node_exit();
err_view:
	vtpm_view_class_exit();
err_device:
	vtpm_device_exit();
	return rc;
}

static void __exit vtpm_exit(void)
{
	vtpm_control_exit();
	vtpm_node_exit();
	vtpm_view_class_exit();
	vtpm_device_exit();
}

module_init(vtpm_init);
module_exit(vtpm_exit);

MODULE_DESCRIPTION("Virtual TPM 2.0 devices, served from user space");
MODULE_AUTHOR("the vtpm authors");
MODULE_LICENSE("GPL");
