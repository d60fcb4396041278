"""The logger of metrics.csv."""

from chromahint.training.loggers.csv import MetricsCSVLogger


def test_one_value_per_row(tmp_path):
    MetricsCSVLogger(tmp_path).log_metrics({"train/loss": 0.1, "val/psnr@10": 20.5, "epoch": 3}, step=7)
    assert (tmp_path / "metrics.csv").read_text() == "step,epoch,name,value\n7,3,train/loss,0.1\n7,3,val/psnr@10,20.5\n"


def test_existing_file_is_appended_to(tmp_path):
    MetricsCSVLogger(tmp_path).log_metrics({"a": 1.0}, step=0)
    before = (tmp_path / "metrics.csv").read_text()
    MetricsCSVLogger(tmp_path).log_metrics({"a": 2.0}, step=1)
    after = (tmp_path / "metrics.csv").read_text()
    assert after == before + "1,0,a,2.0\n"


def test_values_round_trip(tmp_path):
    MetricsCSVLogger(tmp_path).log_metrics({"a": 0.1 + 0.2}, step=0)
    assert float((tmp_path / "metrics.csv").read_text().splitlines()[1].split(",")[3]) == 0.1 + 0.2
