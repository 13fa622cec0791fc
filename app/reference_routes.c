#include "api/contract.h"
#include "api/json_writer.h"
#include "api/rules.h"
#include "app/reference.h"

/* The flags of a route, as the tests read them. */
static const struct {
	struct text name;
	enum route_flag flag;
} flags[] = {
    {{"test_only", 9}, ROUTE_TEST_ONLY},
    {{"publishable", 11}, ROUTE_PUBLISHABLE},
    {{"open", 4}, ROUTE_OPEN},
    {{"picture", 7}, ROUTE_PICTURE},
    {{"creates", 7}, ROUTE_CREATES},
};

enum { FLAGS = sizeof(flags) / sizeof(flags[0]) };

static void
put_text(struct json_writer *json, struct text name, struct text value)
{
	json_name(json, name);
	if (value.length > 0)
		json_string(json, value);
	else
		json_null(json);
}

/* The kind of object that a parameter names, or none. */
static struct text
named_kind(const struct field *field)
{
	enum kind kind =
	    field->rule == rule_merchant ? KIND_MERCHANT : field->kind;

	return kind == KIND_NONE ? TEXT_NONE : text_of(record_type(kind)->name);
}

static void
put_fields(struct json_writer *json, const struct route *route)
{
	json_name(json, TEXT("fields"));
	json_object_begin(json);
	for (unsigned i = 0; i < route->field_count; i++) {
		const struct field *field = &route->fields[i];

		put_text(json, field->name, named_kind(field));
	}
	json_object_end(json);
}

static void
put_route(struct json_writer *json, const struct contract *contract,
    const struct route *route)
{
	json_object_begin(json);
	put_text(json, TEXT("contract"), contract->name);
	put_text(json, TEXT("method"), route->method);
	put_text(json, TEXT("path"), route->pattern);
	put_text(
	    json, TEXT("object"), text_of(record_type(route->object)->name));
	put_text(json, TEXT("permission"),
	    route->permission == PERMISSION_NONE
		? TEXT_NONE
		: name_text(&permission_names, route->permission));
	for (unsigned i = 0; i < FLAGS; i++) {
		json_name(json, flags[i].name);
		json_boolean(json, (route->flags & flags[i].flag) != 0);
	}
	put_fields(json, route);
	json_object_end(json);
}

void
reference_routes(struct buffer *json)
{
	struct json_writer writer;

	json_init(&writer, json);
	json_array_begin(&writer);
	for (unsigned i = 0; i < route_numbers(); i++) {
		const struct route *route;
		const struct contract *contract = route_numbered(i, &route);

		if (route != NULL)
			put_route(&writer, contract, route);
	}
	json_array_end(&writer);
	buffer_put_byte(json, '\n');
}
