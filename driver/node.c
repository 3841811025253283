// SPDX-License-Identifier: GPL-2.0-only
/*
 * Front end "device": the nodes /dev/vtpmN (raw, one opener) and /dev/vtpmrmN
 * (shared), their birth, numbers and death. What an open one does is client.c's.
 *
 * Both nodes of a device have the same N and neighbouring minors. They hold a reference
 * to the device each, and are freed with it.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "client.h"
#include "limit.h"
#include "node.h"

/* front_data of a device: its two nodes. */
struct node_pair {
	struct vtpm_client_node raw;
	struct vtpm_client_node rm;
};

static dev_t first_devt;
static DEFINE_IDA(indexes);
/* Numbers go round, so that a new device does not get one just given back. */
static unsigned int next_index;

static void node_del(struct vtpm_client_node *node)
{
	cdev_device_del(&node->cdev, &node->view.dev);
	put_device(&node->view.dev);
}

static int node_add(struct vtpm_device *device, struct vtpm_client_node *node, u8 kind)
{
	int rc;

	cdev_init(&node->cdev, &vtpm_client_fops);
	node->cdev.owner = THIS_MODULE;
	rc = vtpm_view_init(&node->view, device, kind,
			    device->devt + (kind == VTPM_NODE_RAW ? 0 : 1));
	if (!rc)
		rc = cdev_device_add(&node->cdev, &node->view.dev);
	if (rc) {
		put_device(&node->view.dev);
		return rc;
	}
	rc = vtpm_view_own(&node->view);
	if (rc)
		node_del(node);
	return rc;
}

/* Called under the registry lock, which protects next_index. */
static int take_index(void)
{
	int index;

	index = ida_alloc_range(&indexes, next_index, VTPM_LIMIT_INDEXES - 1, GFP_KERNEL);
	if (index == -ENOSPC)
		index = ida_alloc_range(&indexes, 0, VTPM_LIMIT_INDEXES - 1, GFP_KERNEL);
	if (index >= 0)
		next_index = (index + 1) % VTPM_LIMIT_INDEXES;
	return index;
}

static int create(struct vtpm_device *device)
{
	struct node_pair *nodes;
	int rc;

	nodes = kzalloc(sizeof(*nodes), GFP_KERNEL_ACCOUNT);
	if (!nodes)
		return -ENOMEM;
	device->front_data = nodes;

	rc = take_index();
	if (rc < 0)
		return rc;
	device->index = rc;
	device->devt = MKDEV(MAJOR(first_devt), 2 * device->index);

	rc = node_add(device, &nodes->raw, VTPM_NODE_RAW);
	if (rc)
		return rc;
	rc = node_add(device, &nodes->rm, VTPM_NODE_RM);
	if (rc)
		node_del(&nodes->raw);
	return rc;
}

static void destroy(struct vtpm_device *device)
{
	struct node_pair *nodes = device->front_data;

	node_del(&nodes->rm);
	node_del(&nodes->raw);
}

static void changed(struct vtpm_device *device)
{
	struct node_pair *nodes = device->front_data;

	vtpm_view_changed(&nodes->raw.view);
	vtpm_view_changed(&nodes->rm.view);
}

static void free_nodes(struct vtpm_device *device)
{
	if (device->index >= 0)
		ida_free(&indexes, device->index);
	kfree(device->front_data);
}

const struct vtpm_front_end_ops vtpm_node_ops = {
	.kind = VTPM_FRONT_END_DEVICE,
	.create = create,
	.changed = changed,
	.destroy = destroy,
	.free = free_nodes,
};

/**
 * vtpm_node_init() - take the device numbers
 *
 * Return: 0 or a negative errno.
 */
int vtpm_node_init(void)
{
	return alloc_chrdev_region(&first_devt, 0, 2 * VTPM_LIMIT_INDEXES, "vtpm");
}

/**
 * vtpm_node_exit() - give the device numbers back
 */
void vtpm_node_exit(void)
{
	unregister_chrdev_region(first_devt, 2 * VTPM_LIMIT_INDEXES);
	ida_destroy(&indexes);
}
