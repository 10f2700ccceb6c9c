"""What clients may rely on when they write."""

from __future__ import annotations

from tests.kube.apiserver.resources import Resource, definition
from tests.kube.contract import DEFINITIONS, Contract, widget
from tests.kube.speaking import Object, Session

GADGETS = Resource("example.test", ("v1",), "gadgets", "Gadget")


def structural() -> Object:
    """A definition that says what is in its objects."""
    manifest = definition(GADGETS)
    sizes = {"type": "object", "additionalProperties": {"type": "integer"}}
    spec = {"type": "object", "properties": {"n": {"type": "integer"}, "sizes": sizes}}
    schema = {"type": "object", "properties": {"spec": spec}}
    manifest["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    return manifest


class WritingContract(Contract):
    """Create, update, apply, delete."""

    async def test_a_new_object_has_what_the_server_gives(
        self, session: Session, widgets: str
    ) -> None:
        created = await session.post(widgets, widget("a", spec={"n": 1}, status={"n": 1}))
        assert created.status == 201
        assert {"uid", "creationTimestamp", "resourceVersion"} <= set(created.metadata)
        assert created.metadata["generation"] == 1
        assert "status" not in created.body
        assert (await session.get(f"{widgets}/a")).body == created.body
        again = await session.post(widgets, widget("a"))
        assert again.failure == (409, "AlreadyExists")

    async def test_what_cannot_be_created_is_refused(self, session: Session, widgets: str) -> None:
        nowhere = "/apis/example.test/v1/namespaces/nowhere/widgets"
        missing = await session.post(nowhere, widget("a"))
        assert missing.failure == (404, "NotFound")
        assert missing.body["message"] == 'namespaces "nowhere" not found'
        unnamed = await session.post(widgets, {**widget(""), "metadata": {}})
        assert unnamed.failure == (422, "Invalid")
        strange = await session.post(widgets, {**widget("a"), "apiVersion": "example.test/v2"})
        assert strange.failure == (400, "BadRequest")
        elsewhere = widget("a")
        elsewhere["metadata"]["namespace"] = "default"
        assert (await session.post(widgets, elsewhere)).failure == (400, "BadRequest")
        versioned = widget("a")
        versioned["metadata"]["resourceVersion"] = "5"
        assert (await session.post(widgets, versioned)).failure == (500, "")

    async def test_in_a_namespace_that_is_being_deleted_nothing_is_created(
        self, session: Session
    ) -> None:
        metadata = {"name": "leaving", "finalizers": ["example.test/hold"]}
        await session.post("/api/v1/namespaces", {"metadata": metadata})
        await session.delete("/api/v1/namespaces/leaving")
        refused = await session.post(
            "/apis/example.test/v1/namespaces/leaving/widgets", widget("a")
        )
        assert refused.failure == (403, "Forbidden")
        why = "unable to create new content in namespace leaving because it is being terminated"
        assert refused.body["message"] == f'widgets.example.test "a" is forbidden: {why}'
        [cause] = refused.body["details"]["causes"]
        assert cause["reason"] == "NamespaceTerminating"

    async def test_what_etcd_cannot_take_is_an_error(self, session: Session, widgets: str) -> None:
        large = await session.post(widgets, widget("a", spec="x" * 1_600_000))
        assert large.failure == (500, "")
        assert (await session.post(widgets, widget("a", spec="x" * 3_200_000))).status == 413

    async def test_a_put_replaces_the_version_it_was_made_from(
        self, session: Session, widgets: str
    ) -> None:
        first = (await session.post(widgets, widget("a", spec={"n": 1}))).body
        second = await session.put(f"{widgets}/a", {**first, "spec": {"n": 2}})
        assert (second.status, second.body["spec"]) == (200, {"n": 2})
        stale = await session.put(f"{widgets}/a", {**first, "spec": {"n": 3}})
        assert stale.failure == (409, "Conflict")
        assert (await session.get(f"{widgets}/a")).body == second.body
        blind = await session.put(f"{widgets}/a", widget("a", spec={"n": 4}))
        assert blind.failure == (422, "Invalid")
        missing = await session.put(f"{widgets}/b", widget("b"))
        assert missing.failure == (404, "NotFound")
        other = await session.put(f"{widgets}/b", {**first, "spec": {"n": 4}})
        assert other.failure == (400, "BadRequest")

    async def test_a_put_of_another_life_of_the_object_is_a_conflict(
        self, session: Session, widgets: str
    ) -> None:
        first = (await session.post(widgets, widget("a"))).body
        await session.delete(f"{widgets}/a")
        second = (await session.post(widgets, widget("a"))).body
        assert first["metadata"]["uid"] != second["metadata"]["uid"]
        first["metadata"]["resourceVersion"] = second["metadata"]["resourceVersion"]
        answer = await session.put(f"{widgets}/a", {**first, "spec": {}})
        assert answer.failure == (409, "Conflict")

    async def test_what_changes_nothing_has_no_new_version(
        self, session: Session, widgets: str
    ) -> None:
        created = await session.post(widgets, widget("a", spec={"n": 1}))
        same = await session.put(f"{widgets}/a", created.body)
        assert same.body == created.body
        patched = await session.merge(f"{widgets}/a", {"spec": {"n": 1}})
        assert patched.version == created.version

    async def test_built_in_objects_may_be_put_blindly_and_leases_are_made_by_it(
        self, session: Session, widgets: str
    ) -> None:
        namespace = widgets.split("/")[-2]
        maps = f"/api/v1/namespaces/{namespace}/configmaps"
        assert (await session.put(f"{maps}/a", {"metadata": {"name": "a"}})).status == 404
        first = await session.post(maps, {"metadata": {"name": "a"}, "data": {"k": "1"}})
        assert "generation" not in first.metadata
        body = {"metadata": {"name": "a"}, "data": {"k": "2"}}
        second = await session.put(f"{maps}/a", body)
        assert (second.status, second.body["data"]) == (200, {"k": "2"})
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        lease = {"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}}
        assert (await session.put(f"{leases}/a", lease)).status == 201
        lease["spec"] = {"holderIdentity": "you"}
        assert (await session.put(f"{leases}/a", lease)).failure == (422, "Invalid")

    async def test_a_merge_patch_removes_by_null_and_replaces_lists(
        self, session: Session, widgets: str
    ) -> None:
        await session.post(widgets, widget("a", spec={"x": 1, "y": {"z": 1}, "l": [1, 2]}))
        patch = {"spec": {"x": None, "y": {"w": 2}, "l": [3]}}
        patched = await session.merge(f"{widgets}/a", patch)
        assert patched.body["spec"] == {"y": {"z": 1, "w": 2}, "l": [3]}
        stale = {"metadata": {"resourceVersion": "1"}, "spec": {"x": 5}}
        assert (await session.merge(f"{widgets}/a", stale)).failure == (409, "Conflict")
        assert (await session.merge(f"{widgets}/b", patch)).failure == (404, "NotFound")
        strategic = "application/strategic-merge-patch+json"
        refused = await session.call("PATCH", f"{widgets}/a", patch, content_type=strategic)
        assert refused.failure == (415, "UnsupportedMediaType")

    async def test_a_dry_run_writes_nothing(self, session: Session, widgets: str) -> None:
        created = await session.post(widgets, widget("a", spec={"n": 1}))
        dry = await session.merge(f"{widgets}/a", {"spec": {"n": 2}}, dryRun="All")
        assert dry.body["spec"] == {"n": 2}
        assert (await session.get(f"{widgets}/a")).body == created.body

    async def test_generation_counts_what_is_not_metadata_or_status(
        self, session: Session, widgets: str
    ) -> None:
        await session.post(widgets, widget("a", spec={"n": 1}))
        labeled = await session.merge(f"{widgets}/a", {"metadata": {"labels": {"a": "b"}}})
        assert labeled.metadata["generation"] == 1
        status = await session.merge(f"{widgets}/a/status", {"status": {"n": 1}})
        assert status.metadata["generation"] == 1
        changed = await session.merge(f"{widgets}/a", {"spec": {"n": 2}})
        assert changed.metadata["generation"] == 2

    async def test_status_is_written_at_status_only(self, session: Session, widgets: str) -> None:
        await session.post(widgets, widget("a", spec={"n": 1}))
        both = {"spec": {"n": 2}, "status": {"n": 2}, "metadata": {"labels": {"a": "b"}}}
        status = await session.merge(f"{widgets}/a/status", both)
        assert (status.body["spec"], status.body["status"]) == ({"n": 1}, {"n": 2})
        assert "labels" not in status.metadata
        main = await session.merge(f"{widgets}/a", {"spec": {"n": 3}, "status": {"n": 3}})
        assert (main.body["spec"], main.body["status"]) == ({"n": 3}, {"n": 2})
        whole = {**main.body, "spec": {"n": 4}}
        del whole["status"]
        put = await session.put(f"{widgets}/a", whole)
        assert (put.body["spec"], put.body["status"]) == ({"n": 4}, {"n": 2})
        put = await session.put(f"{widgets}/a/status", {**put.body, "spec": {}, "status": {}})
        assert (put.body["spec"], put.body["status"]) == ({"n": 4}, {})
        applied = await session.apply(f"{widgets}/a/status", widget("a", status={"m": 1}))
        assert applied.body["status"] == {"m": 1}
        assert (await session.apply(f"{widgets}/b/status", widget("b"))).status == 404

    async def test_apply_to_another_version_than_was_seen_is_refused(
        self, session: Session, widgets: str
    ) -> None:
        seen = (await session.post(widgets, widget("a"))).body["metadata"]["resourceVersion"]
        told = widget("a", status={"m": 1})
        told["metadata"]["resourceVersion"] = seen
        assert (await session.apply(f"{widgets}/a/status", told)).status == 200
        told["status"] = {"m": 2}
        assert (await session.apply(f"{widgets}/a/status", told)).status == 409
        assert (await session.get(f"{widgets}/a")).body["status"] == {"m": 1}

    async def test_apply_creates_and_the_second_time_changes_nothing(
        self, session: Session, widgets: str
    ) -> None:
        config = widget("a", labels={"a": "b"}, spec={"n": 1, "l": [{"x": 1}]}, status={"n": 1})
        first = await session.apply(f"{widgets}/a", config)
        assert first.status == 201
        assert "status" not in first.body
        second = await session.apply(f"{widgets}/a", config)
        assert (second.status, second.body) == (200, first.body)
        unmanaged = await session.call(
            "PATCH", f"{widgets}/a", config, content_type="application/apply-patch+yaml"
        )
        assert unmanaged.failure == (422, "Invalid")

    async def test_apply_removes_what_its_manager_no_longer_applies(
        self, session: Session, widgets: str
    ) -> None:
        config = widget("a", labels={"a": "1"}, spec={"n": 1, "m": {"x": 1, "y": 2}, "z": 1})
        await session.apply(f"{widgets}/a", config)
        await session.merge(f"{widgets}/a", {"metadata": {"labels": {"b": "2"}}})
        await session.apply(f"{widgets}/a", widget("a", spec={"z": 1}), "another")
        less = await session.apply(f"{widgets}/a", widget("a", spec={"m": {"x": 1}}))
        assert less.body["spec"] == {"m": {"x": 1}, "z": 1}
        assert less.metadata["labels"] == {"b": "2"}

    async def test_a_map_that_lost_all_its_fields_is_null_or_gone(
        self, session: Session, widgets: str
    ) -> None:
        await session.apply(f"{widgets}/a", widget("a", labels={"a": "1"}, spec={"n": 1}))
        empty = await session.apply(f"{widgets}/a", widget("a", spec={}))
        assert empty.body["spec"] is None
        assert "labels" not in empty.metadata
        nothing = await session.apply(f"{widgets}/a", widget("a"))
        assert "spec" not in nothing.body

    async def test_a_structural_schema_forbids_the_null_that_an_emptied_map_is(
        self, session: Session, widgets: str
    ) -> None:
        gadgets = widgets.replace("widgets", "gadgets")
        await session.post(DEFINITIONS, structural())
        await session.wait_status(gadgets, 200)
        gadget = {**widget("a"), "kind": "Gadget"}
        path = f"{gadgets}/a"
        await session.apply(path, {**gadget, "spec": {"n": 1, "sizes": {"x": 1}}})
        refused = await session.apply(path, {**gadget, "spec": {"n": 1, "sizes": {}}})
        assert refused.failure == (422, "Invalid")
        without = await session.apply(path, {**gadget, "spec": {"n": 1}})
        assert without.body["spec"] == {"n": 1}
        await session.merge(path, {"spec": {"sizes": {"y": 1}}})
        await session.apply(path, {**gadget, "spec": {"n": 1, "sizes": {"x": 1}}})
        shared = await session.apply(path, {**gadget, "spec": {"n": 1}})
        assert shared.body["spec"] == {"n": 1, "sizes": {"y": 1}}

    async def test_an_open_schema_gives_a_map_to_who_applies_it(
        self, session: Session, widgets: str
    ) -> None:
        await session.apply(f"{widgets}/a", widget("a", spec={"n": 1, "m": {"x": 1}}))
        await session.merge(f"{widgets}/a", {"spec": {"m": {"y": 1}}})
        less = await session.apply(f"{widgets}/a", widget("a", spec={"n": 1}))
        assert less.body["spec"] == {"n": 1}

    async def test_apply_takes_the_fields_of_others_only_by_force(
        self, session: Session, widgets: str
    ) -> None:
        await session.apply(f"{widgets}/a", widget("a", spec={"n": 1, "m": 1}))
        same = await session.apply(f"{widgets}/a", widget("a", spec={"n": 1}), "other")
        assert same.status == 200
        wanted = widget("a", spec={"n": 2})
        refused = await session.apply(f"{widgets}/a", wanted, "another")
        assert refused.failure == (409, "Conflict")
        causes = refused.body["details"]["causes"]
        assert {(cause["reason"], cause["field"]) for cause in causes} == {
            ("FieldManagerConflict", ".spec.n")
        }
        forced = await session.apply(f"{widgets}/a", wanted, "another", force="true")
        assert forced.body["spec"] == {"n": 2, "m": 1}
        back = await session.apply(f"{widgets}/a", widget("a", spec={"m": 1}))
        assert back.body["spec"] == {"n": 2, "m": 1}

    async def test_apply_conflicts_with_a_field_that_a_patch_changed(
        self, session: Session, widgets: str
    ) -> None:
        config = widget("a", spec={"n": 1})
        await session.apply(f"{widgets}/a", config)
        await session.merge(f"{widgets}/a", {"spec": {"n": 2}})
        refused = await session.apply(f"{widgets}/a", config)
        assert refused.failure == (409, "Conflict")
        forced = await session.apply(f"{widgets}/a", config, force="true")
        assert forced.body["spec"] == {"n": 1}

    async def test_apply_to_another_version_is_a_conflict(
        self, session: Session, widgets: str
    ) -> None:
        await session.apply(f"{widgets}/a", widget("a", spec={"n": 1}))
        stale = widget("a", spec={"n": 2})
        stale["metadata"]["resourceVersion"] = "1"
        assert (await session.apply(f"{widgets}/a", stale)).failure == (409, "Conflict")

    async def test_a_delete_has_preconditions(self, session: Session, widgets: str) -> None:
        created = await session.post(widgets, widget("a"))
        for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
            refused = await session.delete(f"{widgets}/a", **wrong)
            assert refused.failure == (409, "Conflict")
        uid = created.metadata["uid"]
        right = await session.delete(f"{widgets}/a", uid=uid, resourceVersion=created.version)
        assert (right.status, right.body["status"]) == (200, "Success")
        assert right.body["details"]["uid"] == uid
        assert (await session.delete(f"{widgets}/a")).failure == (404, "NotFound")

    async def test_a_delete_with_options_is_dry_by_them_and_not_by_its_query(
        self, session: Session, widgets: str
    ) -> None:
        created = await session.post(widgets, widget("a"))
        options = {"preconditions": {"resourceVersion": created.version}}
        tried = await session.call("DELETE", f"{widgets}/a", {**options, "dryRun": ["All"]})
        assert tried.status == 200
        assert (await session.get(f"{widgets}/a")).version == created.version
        assert (await session.call("DELETE", f"{widgets}/a", options, dryRun="All")).status == 200
        assert (await session.get(f"{widgets}/a")).failure == (404, "NotFound")

    async def test_a_delete_of_a_collection_deletes_what_is_selected(
        self, session: Session, widgets: str
    ) -> None:
        for name, labels in {"a": {"app": "x"}, "b": {}}.items():
            await session.post(widgets, widget(name, labels=labels))
        gone = await session.call("DELETE", widgets, labelSelector="app")
        assert (gone.status, gone.names) == (200, ["a"])
        assert (await session.get(widgets)).names == ["b"]

    async def test_an_object_with_finalizers_goes_when_they_are_gone(
        self, session: Session, widgets: str
    ) -> None:
        kept = widget("a")
        kept["metadata"]["finalizers"] = ["example.test/keep"]
        version = (await session.post(widgets, kept)).version
        marked = await session.delete(f"{widgets}/a")
        assert (marked.status, "deletionTimestamp" in marked.metadata) == (200, True)
        again = await session.delete(f"{widgets}/a")
        assert again.body == marked.body
        async with session.watch(widgets, resourceVersion=version) as stream:
            await session.merge(f"{widgets}/a", {"metadata": {"finalizers": None}})
            assert await stream.take(2) == ["MODIFIED a", "DELETED a"]
        assert (await session.get(f"{widgets}/a")).status == 404

    async def test_secrets_are_selected_by_label_and_take_text(
        self, session: Session, widgets: str
    ) -> None:
        secrets = f"/api/v1/namespaces/{widgets.split('/')[-2]}/secrets"
        labels = {"remote": "true"}
        secret = {"metadata": {"name": "a", "labels": labels}, "stringData": {"k": "v"}}
        created = await session.post(secrets, secret)
        assert (created.body["data"], created.body["type"]) == ({"k": "dg=="}, "Opaque")
        assert "stringData" not in created.body
        selected = await session.get("/api/v1/secrets", labelSelector="remote=true")
        assert "a" in selected.names

    async def test_access_can_be_asked_for(self, session: Session) -> None:
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "list", "resource": "services"}},
        }
        answer = await session.post(path, review)
        assert (answer.status, answer.body["status"]["allowed"]) == (201, True)
