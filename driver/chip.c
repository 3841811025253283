// SPDX-License-Identifier: GPL-2.0-only
/*
 * Front end "chip": the device as a chip of the kernel's TPM core.
 *
 * A chip belongs to one life of the TPM behind it (from reset to reset): some
 * kernels switch a chip off for good when its TPM was reset behind their back. So
 * each life gets a chip of its own, registered and unregistered by one work item:
 *
 *	attach(reset) --> wanted = life --> work: unregister the old life's chip,
 *	                                          register the new life's
 *	attach(resume)    the chip stays, its users notice nothing
 *	destroy           the same steps, towards no life, in the caller's context:
 *	                  it shall not queue behind others' hung registrations
 *
 * The TPM core calls send() under its own locks; it waits there for the answer
 * (TPM_CHIP_FLAG_IRQ makes the core call recv() right after), so nothing polls. The
 * sleep ends by the answer, a time limit, a reset or the device's death, not by a
 * signal: the core would leave its spaces, or IMA a PCR, half done. It is freezable,
 * for the server may freeze first.
 *
 * Requests carry the life they are meant for, so that what the core still sends
 * to an old chip (TPM2_Shutdown, context flushes) never reaches the new life.
 */
#define pr_fmt(fmt) "vtpm: " fmt

#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/vtpm_proxy.h>

#include "chip.h"
#include "command.h"
#include "compat.h"
#include "limit.h"
#include "view.h"

/**
 * struct chip_life - a chip of the TPM core and the life it serves
 * @device: whose front_data holds this
 * @chip: ours until put_device()
 * @life: of the TPM
 * @locality: as last set by the core
 * @request: the core sends one command at a time
 * @wait: where send() sleeps
 * @registered: tpm_chip_register() succeeded
 * @commands: what the TPM can do, in place of the core's own table (ops_sem of @chip)
 */
struct chip_life {
	struct vtpm_device *device;
	struct tpm_chip *chip;
	u64 life;
	u8 locality;
	struct vtpm_request *request;
	wait_queue_head_t wait;
	bool registered;
	u32 commands[VTPM_COMMAND_SIZE / sizeof(u32)];
};

/**
 * struct chip_front - front_data of a device with this front end
 * @view: of the device; its last put puts the device
 * @device: the device
 * @work: makes @current_life serve the wanted life
 * @wanted: life whose chip shall be registered, 0 for none (device lock)
 * @attaches: counts the servers that attached (device lock)
 * @current_life: the chip there is, or NULL (changed by the work item, under the
 *	device lock)
 */
struct chip_front {
	struct vtpm_view view;
	struct vtpm_device *device;
	struct work_struct work;
	u64 wanted;
	u64 attaches;
	struct chip_life *current_life;
};

/* Without memory the old one stays, so that life_free() knows of it. */
static int own_request(struct chip_life *life)
{
	struct vtpm_request *request;

	if (life->request && vtpm_request_mine(life->request))
		return 0;
	request = vtpm_request_alloc(VTPM_FRAME_COMMAND, VTPM_COMMAND_SIZE);
	if (!request)
		return -ENOMEM;
	request->origin = VTPM_NODE_CHIP;
	request->life = life->life;
	vtpm_request_put(life->request);
	life->request = request;
	return 0;
}

/* Have the server run a command; the response is in life->request afterwards. */
static int run(struct chip_life *life, const u8 *command, size_t size)
{
	struct vtpm_queue *queue = &life->device->queue;
	struct vtpm_request *request;
	unsigned long duration;
	int rc;

	if (size < sizeof(struct tpm_header) || size > VTPM_COMMAND_SIZE)
		return -E2BIG;
	rc = own_request(life);
	if (rc)
		return rc;
	request = life->request;
	memcpy(request->data, command, size);
	request->size = size;
	request->locality = life->locality;
	duration = tpm_calc_ordinal_duration(life->chip, vtpm_command_code(command));
	request->bound_ms = max_t(u32, jiffies_to_msecs(duration), queue->running_ms);

	rc = vtpm_queue_submit(queue, request, &life->wait);
	if (rc)
		return rc;
	wait_event_state(life->wait, vtpm_request_final(request), VTPM_IDLE);
	return request->error;
}

static int chip_send(struct tpm_chip *chip, u8 *buf, size_t size)
{
	struct chip_life *life = dev_get_drvdata(&chip->dev);

	/* In-band for the bare framing, so a user must not speak it. Mainline's errno. */
	if (size >= sizeof(struct tpm_header) && vtpm_command_code(buf) == VTPM_CC_SET_LOCALITY) {
		dev_warn(&chip->dev, "a user sent the locality command: refused\n");
		return -EFAULT;
	}
	return run(life, buf, size);
}

static int __maybe_unused chip_send_3(struct tpm_chip *chip, u8 *buf, size_t size)
{
	return chip_send(chip, buf, size);
}

static int __maybe_unused chip_send_4(struct tpm_chip *chip, u8 *buf, size_t room, size_t size)
{
	return chip_send(chip, buf, size);
}

static int chip_recv(struct tpm_chip *chip, u8 *buf, size_t room)
{
	struct chip_life *life = dev_get_drvdata(&chip->dev);
	struct vtpm_request *response = life->request;

	if (response->size > room)
		return -EIO;
	memcpy(buf, response->data, response->size);
	memzero_explicit(response->data, response->size);
	return response->size;
}

/* The core calls these only where it polls, which TPM_CHIP_FLAG_IRQ prevents. */
static void chip_cancel(struct tpm_chip *chip)
{
}

static u8 chip_status(struct tpm_chip *chip)
{
	return 0;
}

static bool chip_req_canceled(struct tpm_chip *chip, u8 status)
{
	return false;
}

/* Tell a server that speaks the bare framing; it answers with an error code. */
static int send_locality(struct chip_life *life, u8 locality)
{
	bool tpm2 = life->chip->flags & TPM_CHIP_FLAG_TPM2;
	struct {
		__be16 tag;
		__be32 size;
		__be32 code;
		u8 locality;
	} __packed command = {
		.tag = cpu_to_be16(tpm2 ? TPM2_ST_SESSIONS : 193),
		.size = cpu_to_be32(sizeof(command)),
		.code = cpu_to_be32(VTPM_CC_SET_LOCALITY),
		.locality = locality,
	};
	const struct tpm_header *response;
	int rc;

	rc = run(life, (u8 *)&command, sizeof(command));
	if (rc)
		return rc;
	response = (const struct tpm_header *)life->request->data;
	return be32_to_cpu(response->return_code) ? -EIO : 0;
}

static int chip_request_locality(struct tpm_chip *chip, int locality)
{
	struct chip_life *life = dev_get_drvdata(&chip->dev);
	int rc = 0;

	if (life->device->create_flags & VTPM_INFO_PROXY)
		rc = send_locality(life, locality);
	if (rc)
		return rc;
	life->locality = locality;
	return locality;
}

static const struct tpm_class_ops chip_ops = {
	.flags = TPM_OPS_AUTO_STARTUP,
	.send = vtpm_select_send(chip_send_3, chip_send_4),
	.recv = chip_recv,
	.cancel = chip_cancel,
	.status = chip_status,
	.req_canceled = chip_req_canceled,
	.request_locality = chip_request_locality,
};

static void life_free(struct chip_life *life)
{
	if (!life)
		return;
	put_device(&life->chip->dev);
	/* Whoever finished the last request may be about to wake life->wait still. */
	if (life->request)
		vtpm_queue_abandon(&life->device->queue, life->request);
	vtpm_request_put(life->request);
	kfree(life);
}

static struct chip_life *life_new(struct vtpm_device *device, u64 number)
{
	struct chip_life *life;

	life = kzalloc(sizeof(*life), GFP_KERNEL_ACCOUNT);
	if (!life)
		return ERR_PTR(-ENOMEM);
	life->device = device;
	life->life = number;
	init_waitqueue_head(&life->wait);
	life->chip = tpm_chip_alloc(NULL, &chip_ops);
	if (IS_ERR(life->chip)) {
		int rc = PTR_ERR(life->chip);

		kfree(life);
		return ERR_PTR(rc);
	}
	/* VIRTUAL: else the core would publish the host's firmware log as this TPM's. */
	life->chip->flags |= TPM_CHIP_FLAG_TPM2 | TPM_CHIP_FLAG_IRQ | TPM_CHIP_FLAG_VIRTUAL;
	if (!(device->create_flags & VTPM_CREATE_HWRNG))
		life->chip->flags |= TPM_CHIP_FLAG_HWRNG_DISABLED;
	dev_set_drvdata(&life->chip->dev, life);
	return life;
}

/**
 * vtpm_chip_allowed() - may a chip be made on this host?
 * @create_flags: &enum vtpm_create_flags
 *
 * The kernel's default TPM is the registered chip with the lowest number. Without a
 * hardware TPM that would be ours, which has to be asked for.
 *
 * Return: whether it may.
 */
bool vtpm_chip_allowed(u32 create_flags)
{
	struct tpm_chip *chip;
	bool hardware;

	if (create_flags & VTPM_CREATE_ALLOW_DEFAULT)
		return true;
	chip = tpm_default_chip();
	if (!chip)
		return false;
	hardware = !(chip->flags & TPM_CHIP_FLAG_VIRTUAL);
	put_device(&chip->dev);
	return hardware;
}

/* There is a chip, or there is none any more: look at the view again. */
static void announce(struct vtpm_device *device, struct chip_front *front)
{
	lockdep_assert_held(&device->lock);
	if (!device->gone)
		vtpm_view_changed(&front->view);
}

/*
 * The core frees the table of commands with the device node, and only then waits for
 * those who look into it with a file that is still open. A table that was read from one
 * response has room in @commands.
 */
static void keep_commands(struct chip_life *life)
{
	struct tpm_chip *chip = life->chip;
	size_t size = chip->nr_commands * sizeof(u32);

	if (!chip->cc_attrs_tbl || size > sizeof(life->commands))
		return;
	down_write(&chip->ops_sem);
	memcpy(life->commands, chip->cc_attrs_tbl, size);
	chip->cc_attrs_tbl = life->commands;
	up_write(&chip->ops_sem);
}

static void unregister(struct vtpm_device *device, struct chip_front *front,
		       struct chip_life *life)
{
	if (life->registered) {
		keep_commands(life);
		tpm_chip_unregister(life->chip);
	}
	mutex_lock(&device->lock);
	front->current_life = NULL;
	announce(device, front);
	mutex_unlock(&device->lock);
	life_free(life);
}

/*
 * No chip until a server attaches again; one that has attached meanwhile found its life
 * wanted already, so for that one it is tried again. The server of a proxy learns of
 * it by EPIPE.
 */
static void give_up(struct vtpm_device *device, struct chip_front *front, u64 attaches, int rc)
{
	pr_err("%s: the TPM core did not register the chip: error %d\n", device->name, rc);
	mutex_lock(&device->lock);
	if (front->attaches == attaches)
		front->wanted = 0;
	mutex_unlock(&device->lock);
	if (device->create_flags & VTPM_INFO_PROXY)
		vtpm_device_detach(device, NULL);
}

/* One step towards the wanted life; false when there is nothing left to do. */
static bool step(struct vtpm_device *device, struct chip_front *front)
{
	struct chip_life *life;
	u64 wanted, attaches;
	int rc;

	mutex_lock(&device->lock);
	wanted = device->gone ? 0 : front->wanted;
	attaches = front->attaches;
	life = front->current_life;
	mutex_unlock(&device->lock);

	if (life && life->life != wanted) {
		unregister(device, front, life);
		return true;
	}
	if (!wanted || (life && life->registered))
		return false;

	if (!life) {
		life = life_new(device, wanted);
		if (IS_ERR(life)) {
			give_up(device, front, attaches, PTR_ERR(life));
			return true;
		}
		mutex_lock(&device->lock);
		front->current_life = life;
		mutex_unlock(&device->lock);
	}
	rc = tpm_chip_register(life->chip);
	if (rc) {
		/* The core does not take a chip twice. */
		unregister(device, front, life);
		give_up(device, front, attaches, rc);
		return true;
	}
	mutex_lock(&device->lock);
	life->registered = true;
	announce(device, front);
	mutex_unlock(&device->lock);
	return true;
}

static void reconcile(struct work_struct *work)
{
	struct chip_front *front = container_of(work, struct chip_front, work);

	while (step(front->device, front))
		;
}

/* The chip's name in the TPM core: nothing else knows what number it was given. */
static ssize_t tpm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct chip_front *front = container_of(dev, struct chip_front, view.dev);
	struct vtpm_device *device = front->device;
	ssize_t size = 0;

	mutex_lock(&device->lock);
	if (front->current_life && front->current_life->registered)
		size = sysfs_emit(buf, "%s\n", dev_name(&front->current_life->chip->dev));
	mutex_unlock(&device->lock);
	return size;
}
static DEVICE_ATTR_RO(tpm);

static int view_add(struct vtpm_device *device, struct chip_front *front)
{
	struct device *dev = &front->view.dev;
	int rc;

	rc = vtpm_view_init(&front->view, device, VTPM_NODE_CHIP, 0);
	if (!rc)
		rc = device_add(dev);
	if (rc) {
		put_device(dev);
		return rc;
	}
	rc = device_create_file(dev, &dev_attr_tpm);
	if (rc)
		device_unregister(dev);
	return rc;
}

static int create(struct vtpm_device *device)
{
	struct chip_front *front;

	front = kzalloc(sizeof(*front), GFP_KERNEL_ACCOUNT);
	if (!front)
		return -ENOMEM;
	front->device = device;
	INIT_WORK(&front->work, reconcile);
	device->front_data = front;

	/* Mainline tells the numbers before the chip is registered. */
	if (device->create_flags & VTPM_INFO_PROXY) {
		front->current_life = life_new(device, device->queue.life);
		if (IS_ERR(front->current_life)) {
			int rc = PTR_ERR(front->current_life);

			front->current_life = NULL;
			return rc;
		}
	}
	return view_add(device, front);
}

static void changed(struct vtpm_device *device)
{
	struct chip_front *front = device->front_data;

	vtpm_view_changed(&front->view);
}

static void attached(struct vtpm_device *device, u64 life)
{
	struct chip_front *front = device->front_data;

	lockdep_assert_held(&device->lock);
	front->attaches++;
	if (front->wanted == life)
		return;
	front->wanted = life;
	queue_work(vtpm_workqueue, &front->work);
}

static void destroy(struct vtpm_device *device)
{
	struct chip_front *front = device->front_data;

	device_unregister(&front->view.dev);
	cancel_work_sync(&front->work);
	reconcile(&front->work);
}

static int number(struct vtpm_device *device)
{
	struct chip_front *front = device->front_data;
	int n = -1;

	mutex_lock(&device->lock);
	if (front->current_life && front->current_life->registered)
		n = front->current_life->chip->dev_num;
	mutex_unlock(&device->lock);
	return n;
}

static void free_front(struct vtpm_device *device)
{
	struct chip_front *front = device->front_data;

	if (front)
		life_free(front->current_life);
	kfree(front);
}

const struct vtpm_front_end_ops vtpm_chip_ops = {
	.kind = VTPM_FRONT_END_CHIP,
	.create = create,
	.attached = attached,
	.changed = changed,
	.destroy = destroy,
	.chip = number,
	.free = free_front,
};

/**
 * vtpm_chip_numbers() - tell mainline's caller which chip it will get
 * @device: made for VTPM_PROXY_IOC_NEW_DEV, not attached yet
 * @numbers: tpm_num, major and minor are filled; flags without TPM2 make it a
 *	TPM 1.2 chip
 *
 * Return: 0, or -ENOENT when somebody has found the device by name and destroyed it.
 */
int vtpm_chip_numbers(struct vtpm_device *device, struct vtpm_proxy_new_dev *numbers)
{
	struct chip_front *front = device->front_data;
	struct tpm_chip *chip;
	int rc = -ENOENT;

	mutex_lock(&device->lock);
	if (front->current_life) {
		chip = front->current_life->chip;
		if (!(numbers->flags & VTPM_PROXY_FLAG_TPM2))
			chip->flags &= ~TPM_CHIP_FLAG_TPM2;
		numbers->tpm_num = chip->dev_num;
		numbers->major = MAJOR(chip->dev.devt);
		numbers->minor = MINOR(chip->dev.devt);
		rc = 0;
	}
	mutex_unlock(&device->lock);
	return rc;
}
