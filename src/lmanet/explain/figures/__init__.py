"""The figures of the report as Plotly draws them."""
