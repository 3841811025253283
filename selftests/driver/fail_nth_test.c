// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy of the driver fails once.
 *
 * A step is prepared, done with its n-th failure, and undone, for n from 1 until nothing
 * is left to fail (get_user() cannot be made to). It either succeeds or says ENOMEM or
 * EFAULT, and then nothing has changed: undoing it proves that. The kernel's own checks
 * (KASAN, lockdep, kmemleak) are read by who runs this.
 *
 * Only for a kernel that can inject failures: the lab's debug kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "fake_tpm.h"
#include "harness.h"
#include "inject.h"

/* More than any step has. */
#define STEPS_MAX 400

/* What a step works on. */
struct world {
	int control;
	struct device device;
	int fd;
	int client;
	struct frame frame;
	struct server server;
};

static int make(struct world *world)
{
	return device_create(&world->device, world->control, NULL);
}

static int make_attached(struct world *world)
{
	int rc = make(world);

	if (rc)
		return rc;
	world->fd = device_attach(&world->device, VTPM_ATTACH_RESET | VTPM_ATTACH_JOURNALS);
	return world->fd < 0 ? world->fd : 0;
}

static int make_left(struct world *world)
{
	int rc = make_attached(world);

	close(world->fd);
	world->fd = -1;
	return rc;
}

static int make_client(struct world *world)
{
	int rc = make_attached(world);

	if (rc)
		return rc;
	world->client = device_open(&world->device, world->device.rm, O_NONBLOCK);
	return world->client < 0 ? world->client : server_drain(world->fd);
}

static int make_written(struct world *world)
{
	int rc = make_client(world);

	return rc ?: client_write(world->client, 7);
}

static int make_fetched(struct world *world)
{
	int rc = make_written(world);

	rc = rc ?: server_fetch(world->fd, &world->frame);
	return rc < 0 ? rc : 0;
}

static int make_answered(struct world *world)
{
	int rc = make_fetched(world);

	return rc ?: server_echo(world->fd, &world->frame);
}

static int make_served(struct world *world)
{
	int rc = make_client(world);

	rc = rc ?: server_start(&world->server, world->fd);
	return rc ?: fcntl(world->client, F_SETFL, 0);
}

static int make_nothing(struct world *world)
{
	device_name(&world->device);
	return 0;
}

static int make_bare(struct world *world)
{
	struct vtpm_proxy_new_dev new = { .flags = VTPM_PROXY_FLAG_TPM2 };
	struct pollfd poll_fd = { .events = POLLIN };
	int rc = call(world->control, VTPM_PROXY_IOC_NEW_DEV, &new);

	world->fd = poll_fd.fd = rc ? -1 : (int)new.fd;
	return rc ?: poll(&poll_fd, 1, PATIENCE_MS) == 1 ? 0 : -ETIME;
}

static int unmake(struct world *world)
{
	if (world->server.fd)
		server_stop(&world->server);
	if (world->client >= 0)
		close(world->client);
	if (world->fd >= 0)
		close(world->fd);
	return device_destroy(&world->device);
}

static int do_create(struct world *world)
{
	return device_create(&world->device, world->control, NULL);
}

static int do_create_chip(struct world *world)
{
	const struct vtpm_create wish = {
		.front_end = VTPM_FRONT_END_CHIP, .flags = VTPM_CREATE_ALLOW_DEFAULT,
	};

	return device_create(&world->device, world->control, &wish);
}

static int do_destroy(struct world *world)
{
	return device_destroy(&world->device);
}

static int do_attach(struct world *world)
{
	world->fd = device_attach(&world->device, VTPM_ATTACH_RESET);
	return world->fd < 0 ? world->fd : 0;
}

static int do_resume(struct world *world)
{
	world->fd = device_attach(&world->device, VTPM_ATTACH_RESUME);
	return world->fd < 0 ? world->fd : 0;
}

static int do_detach(struct world *world)
{
	return device_detach(&world->device);
}

static int do_info(struct world *world)
{
	struct vtpm_info info;

	return device_info(&world->device, &info);
}

static int do_list(struct world *world)
{
	struct vtpm_list_entry entries[64];
	struct vtpm_list list = {
		.size = sizeof(list), .entries = (uintptr_t)entries, .count = 64,
	};

	return call(world->control, VTPM_IOC_LIST, &list);
}

static int do_new_proxy(struct world *world)
{
	struct vtpm_proxy_new_dev new = { .flags = VTPM_PROXY_FLAG_TPM2 };
	int rc = call(world->control, VTPM_PROXY_IOC_NEW_DEV, &new);

	world->fd = rc ? -1 : (int)new.fd;
	return rc;
}

static int do_open_raw(struct world *world)
{
	world->client = device_open(&world->device, world->device.raw, 0);
	return world->client < 0 ? world->client : 0;
}

static int do_open_rm(struct world *world)
{
	world->client = device_open(&world->device, world->device.rm, 0);
	return world->client < 0 ? world->client : 0;
}

static int do_locality(struct world *world)
{
	struct vtpm_locality locality = { .size = sizeof(locality), .locality = 2 };

	return call(world->client, VTPM_IOC_LOCALITY, &locality);
}

static int do_close(struct world *world)
{
	int fd = world->client;

	world->client = -1;
	return close(fd);
}

static int do_client_write(struct world *world)
{
	return client_write(world->client, 7);
}

static int do_client_run(struct world *world)
{
	return client_run(world->client, 7);
}

static int do_client_read(struct world *world)
{
	uint32_t marker = 0;
	int rc = client_read(world->client, &marker);

	return rc ?: marker == 7 ? 0 : -EBADMSG;
}

static int do_server_read(struct world *world)
{
	return read(world->fd, &world->frame, sizeof(world->frame)) < 0 ? -errno : 0;
}

static int do_fetch(struct world *world)
{
	int rc = server_fetch(world->fd, &world->frame);

	return rc < 0 ? rc : 0;
}

static int do_answer(struct world *world)
{
	return server_echo(world->fd, &world->frame);
}

static int do_wake(struct world *world)
{
	return ioctl(world->fd, VTPM_IOC_WAKE) ? -errno : 0;
}

static int do_server_close(struct world *world)
{
	int fd = world->fd;

	world->fd = -1;
	return close(fd);
}

static int do_bare_write(struct world *world)
{
	uint8_t response[VTPM_COMMAND_SIZE], command[VTPM_COMMAND_SIZE];
	ssize_t size = read(world->fd, command, sizeof(command));

	if (size < 0)
		return -errno;
	size = fake_tpm_run(command, size, response);
	return write(world->fd, response, size) < 0 ? -errno : 0;
}

/* What may have come of it: a device that is there, or is not. */
static int ends(int rc, int end)
{
	return rc == end ? 0 : -EBADFD;
}

static int undo(struct world *world, int rc)
{
	(void)rc;
	return unmake(world);
}

static int undo_create(struct world *world, int rc)
{
	return ends(unmake(world), rc ? -ENOENT : 0);
}

static int undo_destroy(struct world *world, int rc)
{
	return ends(unmake(world), rc ? 0 : -ENOENT);
}

static int undo_attach(struct world *world, int rc)
{
	struct vtpm_info info;

	if (rc && (device_info(&world->device, &info) || info.state == VTPM_STATE_ATTACHED))
		return -EBADFD;
	return unmake(world);
}

/* The frame is fetched again, the command runs again: nothing was lost. */
static int undo_fetch(struct world *world, int rc)
{
	rc = rc ? server_fetch(world->fd, &world->frame) : 0;
	rc = rc < 0 ? rc : server_echo(world->fd, &world->frame);
	return rc ?: do_client_read(world) ?: unmake(world);
}

static int undo_answer(struct world *world, int rc)
{
	rc = rc ? server_echo(world->fd, &world->frame) : 0;
	return rc ?: do_client_read(world) ?: unmake(world);
}

static int undo_client_read(struct world *world, int rc)
{
	return (rc ? do_client_read(world) : 0) ?: unmake(world);
}

static int undo_client_write(struct world *world, int rc)
{
	return (rc ? client_write(world->client, 7) : 0) ?: unmake(world);
}

static int make_asker(struct world *world)
{
	int rc = make(world);

	if (rc)
		return rc;
	world->fd = device_attach(&world->device, VTPM_ATTACH_RESET | VTPM_ATTACH_ASKS);
	if (world->fd < 0)
		return world->fd;
	world->client = device_open(&world->device, world->device.rm, O_NONBLOCK);
	return world->client < 0 ? world->client : server_drain(world->fd);
}

static int do_ask(struct world *world)
{
	struct vtpm_ask ask = { .size = sizeof(ask), .nonce = { 1 } };

	return call(world->client, VTPM_IOC_ASK, &ask);
}

static int make_asked(struct world *world)
{
	return make_asker(world) ?: do_ask(world) ?: server_drain(world->fd);
}

static int do_tell(struct world *world)
{
	struct vtpm_tell tell = {
		.size = sizeof(tell), .instance = world->device.instance, .id = 1,
		.proof = (uintptr_t)"proof", .length = 5,
	};

	memcpy(tell.name, world->device.name, sizeof(tell.name));
	return call(world->control, VTPM_IOC_TELL, &tell);
}

static int make_told(struct world *world)
{
	return make_asked(world) ?: do_tell(world);
}

static int do_fetch_proof(struct world *world)
{
	uint8_t bytes[8];
	struct vtpm_proof proof = {
		.size = sizeof(proof), .proof = (uintptr_t)bytes, .length = sizeof(bytes),
	};

	return call(world->client, VTPM_IOC_PROOF, &proof);
}

/* What failed can be done again; what was done, not. */
static int undo_ask(struct world *world, int rc)
{
	int again = do_ask(world);

	return (rc ? again : again == -EBUSY ? 0 : -EPROTO) ?: unmake(world);
}

static int undo_tell(struct world *world, int rc)
{
	int again = do_tell(world);

	return (rc ? again : again == -ESTALE ? 0 : -EPROTO) ?: unmake(world);
}

static int undo_fetch_proof(struct world *world, int rc)
{
	int again = do_fetch_proof(world);

	return (rc ? again : again == -ENODATA ? 0 : -EPROTO) ?: unmake(world);
}

static int undo_bare(struct world *world, int rc)
{
	(void)rc;
	if (world->fd >= 0)
		close(world->fd);
	return 0;
}

FIXTURE(fail_nth) {
	struct world world;
};

/* @least: failures that a step has at least; 0 where it shall have none at all. */
FIXTURE_VARIANT(fail_nth) {
	int (*prepare)(struct world *world);
	int (*run)(struct world *world);
	int (*undo)(struct world *world, int rc);
	unsigned int least;
};

#define STEP(name, make_it, do_it, undo_it, count)				\
	FIXTURE_VARIANT_ADD(fail_nth, name) {					\
		.prepare = make_it, .run = do_it, .undo = undo_it, .least = count,	\
	}

STEP(create, make_nothing, do_create, undo_create, 10);
STEP(create_chip, make_nothing, do_create_chip, undo_create, 5);
STEP(destroy, make, do_destroy, undo_destroy, 2);
STEP(attach, make, do_attach, undo_attach, 5);
STEP(resume, make_left, do_resume, undo_attach, 5);
STEP(detach, make_attached, do_detach, undo, 1);
STEP(info, make, do_info, undo, 2);
STEP(list, make, do_list, undo, 5);
STEP(new_proxy, make_nothing, do_new_proxy, undo_bare, 6);
STEP(open_raw, make_attached, do_open_raw, undo, 3);
STEP(open_rm, make_attached, do_open_rm, undo, 3);
STEP(close_client, make_written, do_close, undo, 0);
STEP(write, make_client, do_client_write, undo_client_write, 2);
STEP(write_and_wait, make_served, do_client_run, undo, 3);
STEP(locality, make_client, do_locality, undo, 1);
STEP(ask, make_asker, do_ask, undo_ask, 4);
STEP(tell, make_asked, do_tell, undo_tell, 3);
STEP(fetch_proof, make_told, do_fetch_proof, undo_fetch_proof, 2);
STEP(read, make_answered, do_client_read, undo_client_read, 1);
STEP(server_read, make_written, do_server_read, undo_fetch, 1);
STEP(fetch, make_written, do_fetch, undo_fetch, 2);
STEP(answer, make_fetched, do_answer, undo_answer, 2);
STEP(wake, make_attached, do_wake, undo, 0);
STEP(close_server, make_written, do_server_close, undo, 2);
STEP(bare, make_bare, do_bare_write, undo_bare, 2);
STEP(close_bare, make_bare, do_server_close, undo_bare, 2);

FIXTURE_SETUP(fail_nth)
{
	struct world *world = &self->world;
	int rc = inject_init();

	if (rc)
		SKIP(return, "this kernel cannot inject failures: %s", strerror(-rc));
	destroy_all();
	ASSERT_EQ(0, inject_below_module());
	*world = (struct world){ .control = control_open() };
	ASSERT_LE(0, world->control);
}

FIXTURE_TEARDOWN(fail_nth)
{
	inject_anywhere(0);
	close(self->world.control);
	destroy_all();
}

/* errno:COMMON:ENOMEM errno:OPEN:ENOMEM errno:WRITE:ENOMEM errno:WRITE:EFAULT */
TEST_F_TIMEOUT(fail_nth, step, 300)
{
	struct world *world = &self->world;
	unsigned int n, errors = 0;
	bool failed;
	int rc;

	for (n = 1; n < STEPS_MAX; n++) {
		*world = (struct world){ .control = world->control, .fd = -1, .client = -1 };
		ASSERT_EQ(0, variant->prepare(world));
		ASSERT_EQ(0, inject_arm(n));
		rc = variant->run(world);
		failed = inject_disarm();
		EXPECT_TRUE(rc == 0 || (failed && (rc == -ENOMEM || rc == -EFAULT))) {
			TH_LOG("failure %u: error %d", n, rc);
		}
		EXPECT_EQ(0, variant->undo(world, rc)) {
			TH_LOG("failure %u, error %d: not undone", n, rc);
		}
		if (!failed)
			break;
		errors += rc < 0;
	}
	EXPECT_GT(STEPS_MAX, n);
	EXPECT_LT(variant->least, n);
	if (!variant->least)
		EXPECT_EQ(1, n);
	TH_LOG("%u failures, %u of them failed the call", n - 1, errors);
}

FIXTURE(fail_far) {
	struct world world;
};

FIXTURE_SETUP(fail_far)
{
	int rc = inject_init();

	if (rc)
		SKIP(return, "this kernel cannot inject failures: %s", strerror(-rc));
	destroy_all();
	self->world = (struct world){ .control = control_open() };
	ASSERT_LE(0, self->world.control);
}

FIXTURE_TEARDOWN(fail_far)
{
	inject_anywhere(0);
	close(self->world.control);
	destroy_all();
}

static void *be_tpm(void *data)
{
	fake_tpm_serve_framed(*(int *)data, -1);
	return NULL;
}

static bool is_registered_or_failed(void *data)
{
	struct vtpm_info info;

	return device_info(data, &info) || info.chip >= 0 || inject_anywhere_done();
}

/* Attach a TPM that a chip is registered for. */
static int attach_tpm(struct device *device, bool *ret_registered)
{
	struct vtpm_info info;
	pthread_t thread;
	int rc, fd = device_attach(device, VTPM_ATTACH_RESET);

	if (fd < 0)
		return fd;
	if (pthread_create(&thread, NULL, be_tpm, &fd))
		return -EAGAIN;
	if (!eventually(is_registered_or_failed, device, PATIENCE_MS))
		return -ETIME;
	/* It may be registered in spite of the failure, a little later. */
	if (inject_anywhere_done())
		sleep_ms(50);
	*ret_registered = !device_info(device, &info) && info.chip >= 0;
	rc = device_detach(device);
	pthread_join(thread, NULL);
	close(fd);
	return rc;
}

/* A chip is registered by a worker: what fails there is not told to anybody. */
TEST_F_TIMEOUT(fail_far, registration, 900)
{
	struct device *device = &self->world.device;
	unsigned int n, refused = 0, registered = 0;
	bool failed, is_registered;
	int rc;

	ASSERT_EQ(0, inject_below_module());
	for (n = 1; n < STEPS_MAX; n++) {
		device->name[0] = 0;
		is_registered = false;
		ASSERT_EQ(0, do_create_chip(&self->world));
		ASSERT_EQ(0, inject_anywhere(n));
		rc = attach_tpm(device, &is_registered);
		failed = inject_anywhere_done();
		inject_anywhere(0);
		EXPECT_TRUE(rc == 0 || (failed && rc == -ENOMEM)) {
			TH_LOG("failure %u: error %d", n, rc);
		}
		EXPECT_EQ(0, device_destroy(device));
		if (!failed)
			break;
		refused += rc < 0;
		registered += is_registered;
	}
	EXPECT_TRUE(is_registered);
	TH_LOG("%u failures: %u of the attach, %u did no harm", n - 1, refused, registered);
	EXPECT_LT(10, n);
	EXPECT_GT(STEPS_MAX, n);
}

static void *read_all(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = 64 << 20, size = 0;
	char *bytes = malloc(room);
	ssize_t rc;

	while (bytes && fd >= 0 && (rc = read(fd, bytes + size, room - size)) > 0)
		size += rc;
	close(fd);
	*ret_size = size;
	return bytes;
}

/* The module is loaded, but for one failure of what it needs at birth. */
TEST_F_TIMEOUT(fail_far, load, 300)
{
	struct utsname name;
	unsigned int n;
	char path[256];
	size_t size;
	void *bytes;
	int rc;

	close(self->world.control);
	uname(&name);
	snprintf(path, sizeof(path), "build/modules/%s/vtpm.ko", name.release);
	bytes = read_all(path, &size);
	ASSERT_LT(0, size);
	ASSERT_EQ(0, inject_below_symbol("do_init_module"));
	for (n = 1; n < STEPS_MAX; n++) {
		ASSERT_EQ(0, syscall(SYS_delete_module, "vtpm", 0));
		ASSERT_EQ(0, inject_arm(n));
		rc = syscall(SYS_init_module, bytes, size, "") ? -errno : 0;
		if (!inject_disarm())
			break;
		EXPECT_TRUE(rc == 0 || rc == -ENOMEM) {
			TH_LOG("failure %u: error %d", n, rc);
		}
		if (rc)
			ASSERT_EQ(0, syscall(SYS_init_module, bytes, size, ""));
	}
	EXPECT_EQ(0, rc);
	EXPECT_LT(10, n);
	EXPECT_GT(STEPS_MAX, n);
	TH_LOG("%u failures", n - 1);
	free(bytes);
	self->world.control = control_open();
}

TEST_HARNESS_MAIN
