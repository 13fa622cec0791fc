#include "app/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app/log.h"
#include "base/text.h"

/* -- Names ----------------------------------------------------------------- */

typedef bool find_name(const char *name, id_t *id);

static bool
find_user(const char *name, id_t *id)
{
	const struct passwd *user = getpwnam(name);

	if (user != NULL)
		*id = user->pw_uid;
	return user != NULL;
}

static bool
find_group(const char *name, id_t *id)
{
	const struct group *group = getgrnam(name);

	if (group != NULL)
		*id = group->gr_gid;
	return group != NULL;
}

static bool
find(const char *setting, const char *value, find_name *find_it, id_t *id)
{
	int64_t number;

	*id = IDENTITY_NONE;
	if (value[0] == '\0')
		return true;
	if (text_to_integer(text_of(value), 0, UINT32_MAX - 1, &number)) {
		*id = (id_t)number;
		return true;
	}
	if (find_it(value, id))
		return true;
	log_message("%s: there is no `%s`", setting, value);
	return false;
}

bool
identity_find_user(const char *setting, const char *value, id_t *id)
{
	return find(setting, value, find_user, id);
}

bool
identity_find_group(const char *setting, const char *value, id_t *id)
{
	return find(setting, value, find_group, id);
}

/* -- Another one ----------------------------------------------------------- */

/* All groups that the user has, with the one of the setting in front. */
static bool
take_groups(const struct passwd *user, gid_t group)
{
	return (user != NULL ? initgroups(user->pw_name, group)
			     : setgroups(0, NULL)) == 0 &&
	       setresgid(group, group, group) == 0;
}

/* Changing the user forgets who is to be told of the parent's death. */
static bool
take(const struct passwd *known, uid_t user, gid_t group)
{
	int told = 0;

	return prctl(PR_GET_PDEATHSIG, &told) == 0 &&
	       take_groups(known, group) && setresuid(user, user, user) == 0 &&
	       prctl(PR_SET_PDEATHSIG, told) == 0;
}

/* Who could become root again would have given up nothing. */
static bool
is_given_up(uid_t user)
{
	return user == 0 || (setuid(0) != 0 && geteuid() == user);
}

bool
identity_take(const struct settings *settings)
{
	const struct passwd *known;
	id_t user, group;

	if (settings->user[0] == '\0')
		return true;
	if (!identity_find_user("user", settings->user, &user) ||
	    !identity_find_group("group", settings->group, &group))
		return false;
	if (geteuid() == user && geteuid() != 0)
		return true;
	if (geteuid() != 0) {
		log_message("user: `%s`: only root can become somebody else",
		    settings->user);
		return false;
	}
	known = getpwuid(user);
	if (group == IDENTITY_NONE && known == NULL) {
		log_message(
		    "user: `%s` has no group: set `group`", settings->user);
		return false;
	}
	if (group == IDENTITY_NONE)
		group = known->pw_gid;
	if (take(known, user, group) && is_given_up(user))
		return true;
	log_message("user: `%s`: %s", settings->user, strerror(errno));
	return false;
}

void
identity_tell(const struct settings *settings)
{
	if (geteuid() == 0 && settings->user[0] == '\0')
		log_message("this server runs as root: set `user`");
}
