"""The JSON examples of the Worker Tasks API's public documentation, word for word."""

from __future__ import annotations

import json
from typing import Any

TASKS: dict[str, Any] = json.loads(r"""
{
"server_id": "uuid",
"server_name": "server-01",
"data": [
{
"id": "task-uuid-1",
"request_id": "request-uuid",
"service_type": "entity",
"site_id": "site-uuid",
"site_name": "example.com",
"email": "user@gmail.com",
"username": "user123",
"password": "pass123",
"about": "Bio text",
"link_profile": "",
"link_post": "",
"status": "pending",
"retry_count": 0,
"max_retries": 3,
"details": null,
"started_at": null,
"created_at": "2025-06-01T10:00:00Z",
"request_name": "Campaign A",
"request_website": "https://target.com",
"type_request": "normal",
"auction_price": 100,
"config": "{\"niche\":\"seo\",\"language\":\"en\"}"
}
],
"total": 150,
"page": 1,
"limit": 50,
"next_cursor": "task-uuid-50"
}
""")

UPDATE: dict[str, Any] = json.loads("""
{
"status": "completed",
"link_profile": "https://example.com/profile/user123",
"link_post": "https://example.com/post/456",
"error_message": "",
"note": "",
"is_indexed": false
}
""")

UPDATED: dict[str, Any] = json.loads('{"success": true, "data": {"updated": true, "link_id": "task-uuid-1"}}')

BULK: dict[str, Any] = json.loads("""
{
"items": [
{
"link_id": "uuid-1",
"status": "completed",
"link_profile": "https://example.com/profile/1",
"link_post": "https://example.com/post/1"
},
{
"link_id": "uuid-2",
"status": "failed",
"error_message": "Site blocked"
}
]
}
""")

BULK_RESULTS: dict[str, Any] = json.loads("""
{
"total": 2,
"success": 1,
"failed": 1,
"results": [
{"link_id": "uuid-1", "success": true},
{"link_id": "uuid-2", "success": false, "error": "not_your_task"}
]
}
""")

OF_THE_TASK = ("id", "request_id", "site_id", "created_at")
"""What differs from task to task, and is compared by its form."""
