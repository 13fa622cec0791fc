/*
 * What the processes that write answers or events share of the settings.
 */
#ifndef APP_SERVICE_H
#define APP_SERVICE_H

#include "api/handle.h"
#include "app/settings.h"

/*
 * All that the settings say of it, which it borrows; the engine, the table of
 * rates and the route are the caller's to add.
 */
struct service service_of(const struct settings *settings);

#endif
