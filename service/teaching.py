"""The route for classes of one's own: /teach."""

import base64
import hashlib
from typing import Any, BinaryIO

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response

from fashion_mnist.dataset import photograph
from fashion_mnist.errors import InputError
from fashion_mnist.inference.photograph_model import PhotographModel
from service import errors, uploads
from service.answers import Taught, answer
from service.loaded import FromApp

LEAST = 2  # pictures of a class: one to learn from and one to check
ITEM = "item"
LONGEST_NAME = 60  # characters

router = APIRouter(tags=["Pictures"])


@router.post(
    "/teach",
    response_model=Taught,
    responses=errors.REFUSALS,
    openapi_extra=uploads.EXAMPLES_BODY,
)
async def teach(request: Request, loaded: FromApp) -> Response:
    """Teach classes of one's own: a form has a field for each class, with its pictures.

    Every picture is also answered by a head that did not learn from it; `right` counts those.
    Nothing is stored.
    """
    examples = await uploads.examples(request, loaded.teaching)
    for name, *_ in examples:
        if not 0 < len(name.strip()) <= LONGEST_NAME:
            raise HTTPException(422, f"class {name!r}: expected 1 to {LONGEST_NAME} characters")
    return answer(await loaded.teaching.run(request, _teach, loaded.network, examples))


def _teach(model: PhotographModel, pictures: list[tuple[str, str, BinaryIO]]) -> dict[str, Any]:
    # scikit-learn takes a second and 60 MB, which a service that never teaches should not pay.
    from fashion_mnist.teaching import doubles, fit
    from fashion_mnist.teaching.fit import Examples

    uploads.refuse_too_many_pixels((name, file) for _, name, file in pictures)
    pixels, kept, refused = [], [], []
    for class_name, name, file in pictures:
        try:
            pixels.append(photograph.pixels(file, name, model.side))
            kept.append((class_name, name))
        except InputError as error:
            refused.append(str(error))
    contents = [hashlib.sha256(square.tobytes()).hexdigest() for square in pixels]
    if kept:
        classes = np.unique([class_name for class_name, _ in kept], return_inverse=True)[1]
        left_out = set(doubles.contradictions(contents, classes).tolist())
        for at in sorted(left_out):
            refused.append(f"{kept[at][1]}: the same picture is in another class; left out")
        used = [at for at in range(len(kept)) if at not in left_out]
        pixels, kept = [pixels[at] for at in used], [kept[at] for at in used]
        contents = [contents[at] for at in used]
    class_names = list(dict.fromkeys(class_name for class_name, _ in kept))
    counts = {name: sum(name == of for of, _ in kept) for name in class_names}
    small = [name for name, count in counts.items() if count < LEAST]
    if len(class_names) < 2 or small:
        found = ", ".join(f"{name}: {count}" for name, count in counts.items()) or "no pictures"
        raise HTTPException(
            422, "; ".join([*refused, f"{found}; expected two classes of {LEAST} pictures or more"])
        )
    labels = np.array([class_names.index(class_name) for class_name, _ in kept])
    # The same picture twice belongs together, or one copy would give the other away.
    groups = np.unique(contents, return_inverse=True)[1]
    examples = Examples(model.features(np.stack(pixels)), labels, groups)
    settings = model.info.train
    checked = fit.cross_validate(examples, len(class_names), settings)
    head = fit.fit(
        examples, class_names, checked, settings, item=ITEM, other=None, backbone=model.backbone
    )
    right = checked.predicted == labels
    probabilities = checked.probabilities.max(axis=1)
    wrong = [at for at in np.argsort(-probabilities, kind="stable") if not right[at]]
    return {
        "pictures": len(labels),
        "right": int(right.sum()),
        "classes": [
            {"class": name, "pictures": counts[name], "right": int(right[labels == label].sum())}
            for label, name in enumerate(class_names)
        ],
        "mistakes": [
            {
                "file": kept[at][1],
                "class": kept[at][0],
                "predicted": class_names[checked.predicted[at]],
                "probability": float(probabilities[at]),
            }
            for at in wrong
        ],
        "refused": refused,
        "head": base64.b64encode(head.to_bytes()).decode(),
    }
