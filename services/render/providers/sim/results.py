"""Results of the sim provider: drawn or written from the record, the same each time."""

from functools import lru_cache

from heliograph.contracts.payloads.sim import SimArguments
from heliograph.contracts.sim import SimRecord


@lru_cache(maxsize=32)
def draw_result(record_json: str, index: int) -> tuple[str, bytes]:
    """Media type and bytes of a result: the same for the same record."""
    record = SimRecord.model_validate_json(record_json)
    arguments = SimArguments.model_validate(record.arguments)
    if record.model == "sim/text":
        from services.render.providers.sim.scenes import write_scenes

        return "application/json", write_scenes(
            arguments.prompt, arguments.seed, arguments.num_scenes
        )
    from services.render.sim_pictures.picture import PictureSpec, draw_png

    spec = PictureSpec(
        prompt=arguments.prompt,
        model=record.model,
        seed=arguments.seed,
        index=index,
        references=tuple(record.references),
        aspect_ratio=arguments.aspect_ratio,
    )
    if record.model == "sim/motion":
        from services.render.sim_pictures.film import draw_mp4

        return "video/mp4", draw_mp4(spec, arguments.duration_seconds)
    return "image/png", draw_png(spec)
